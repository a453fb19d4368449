import { codeOf } from "../../dataset/checks/python/answerCode";
import { describeError } from "../../disk/describeError";
import type { EvaluatedAnswer, TestRuns } from "../../protocol/evaluation";
import { SandboxRefused } from "../sandbox/refused";
import { Sandbox, type TestResult } from "../sandbox/sandbox";
import { programOf, type RowTest, testOf } from "./rowTests";

/** An answer with its row, where that was read. */
export interface TestedAnswer {
  answer: EvaluatedAnswer;
  rowValue: unknown;
  /** What was asked, without the template's words. */
  request: string;
}

export interface TestOptions {
  /** Null: rows with tests are counted, and nothing is run. */
  hidden: readonly string[] | null;
  signal?: AbortSignal | undefined;
  onProgress?: (fraction: number) => void;
}

interface Case {
  answer: EvaluatedAnswer;
  rowValue: unknown;
  test: RowTest;
}

/**
 * Runs the tests that rows carry on both answers and writes the results into them. A row whose own answer fails, or
 * whose tests pass without an answer, says nothing and is left out.
 */
export async function runRowTests(answers: readonly TestedAnswer[], options: TestOptions): Promise<TestRuns> {
  const cases = answers.flatMap(({ answer, rowValue, request }): Case[] => {
    const test = testOf(rowValue, request);
    return test === null ? [] : [{ answer, rowValue, test }];
  });
  const rows = cases.length;
  if (rows === 0) return { state: "none" };
  const { hidden, signal } = options;
  if (hidden === null) return { state: "not-asked", rows };
  let sandbox: Sandbox;
  try {
    sandbox = await Sandbox.open({ hidden, signal });
  } catch (error) {
    if (!(error instanceof SandboxRefused)) throw error;
    return { state: "refused", rows, reason: describeError(error) };
  }
  try {
    let leftOut = 0;
    for (const [index, entry] of cases.entries()) {
      if (!(await runCase(entry, sandbox))) leftOut++;
      options.onProgress?.((index + 1) / rows);
    }
    return { state: "run", rows, leftOut };
  } finally {
    await sandbox.close();
  }
}

/** False where the row's tests say nothing. */
async function runCase({ answer, rowValue, test }: Case, sandbox: Sandbox): Promise<boolean> {
  const run = (text: string): Promise<TestResult> =>
    sandbox.run(programOf(test, rowValue, codeOf(text) || text), test.test);
  const tells = (await run(answer.expected)).passed && !(await run("")).passed;
  if (!tells) return false;
  const made = new Map<string, TestResult>();
  for (const side of [answer.base, answer.tuned]) {
    const result = made.get(side.text) ?? (await run(side.text));
    made.set(side.text, result);
    side.passed = result.passed;
    side.failure = result.failure;
  }
  return true;
}
