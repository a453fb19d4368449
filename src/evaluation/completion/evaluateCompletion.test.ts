import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Completion } from "../../completion-worker/completer";
import type { CodeQuestion } from "../../protocol/worker";
import { temporaryFolder } from "../../run/testing/testRun";
import { evaluateCompletion, questionOf } from "./evaluateCompletion";
import { readTasks } from "./readTasks";

const row = { task_id: "a/1", prompt: "def f(x):\n", suffix: "    return x\n", canonical_solution: "    x += 1\n" };

function fileOf(...lines: unknown[]): string {
  const path = join(temporaryFolder(), "tasks.jsonl");
  writeFileSync(path, lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""));
  return path;
}

describe("readTasks", () => {
  it("counts a solution's final newline to what follows it", async () => {
    const [task] = await readTasks(fileOf({ ...row, test: "assert f(1) == 2", entry_point: "f" }), 10);
    expect(task).toEqual({
      id: "a/1",
      prefix: "def f(x):\n",
      solution: "    x += 1",
      suffix: "\n    return x\n",
    });
  });

  it("reads Windows' line ends as an editor does, skips blank lines, and stops at the limit", async () => {
    const windows = { ...row, canonical_solution: "    x += 1\r\n", prompt: "def f(x):\r\n" };
    const tasks = await readTasks(fileOf("", windows, "", row, "broken"), 2);
    expect(tasks.map(({ prefix, solution }) => prefix + solution)).toEqual(Array(2).fill("def f(x):\n    x += 1"));
  });

  it.each([
    ["{", /, line 2: .*the row ends here/],
    [[row], /, line 2: a task must be an object with task_id, .* not \[\{/],
    [null, /, line 2: a task must be an object .* not null\.$/],
    [{ ...row, prompt: 5 }, /, line 2: "prompt" must be a text, not 5\.$/],
    [{ ...row, suffix: undefined }, /, line 2: "suffix" must be a text, not nothing\.$/],
    [{ ...row, task_id: ["x".repeat(200)] }, /, line 2: "task_id" must be a text, not \["x{50,58}…\.$/],
    [{ ...row, canonical_solution: " \n" }, /, line 2: "canonical_solution" is empty/],
    [{ ...row, entry_point: 1 }, /, line 2: "entry_point" must be a text or absent, not 1\.$/],
  ])("names file, line and field of %j", async (line, message) => {
    const path = fileOf(row, line);
    await expect(readTasks(path, 10)).rejects.toThrow(message);
    await expect(readTasks(path, 10)).rejects.toThrow(path);
  });

  it("refuses a file without tasks", async () => {
    await expect(readTasks(fileOf("", " "), 10)).rejects.toThrow(
      /tasks\.jsonl is empty: it must hold one task a line\.$/,
    );
  });
});

describe("questionOf", () => {
  const question = (prefix: string, suffix: string, solution = "x") =>
    questionOf({ id: "a", prefix, suffix, solution }, 64).question;

  it("asks for a block by what stands around the cursor alone", () => {
    expect(question("def f(x):\n    ", "\n").multiline).toBe(true);
    expect(question("def f(x):", "\n").multiline).toBe(true);
    expect(question("x = f(", "\n").multiline).toBe(false);
    expect(question("    ", " + x)\n").multiline).toBe(false);
    expect(question("x = ", "\n", "1\ny = 2")).toEqual(question("x = ", "\n", "1"));
  });

  it("goes on to the next line behind a docstring, as the editor does", () => {
    const prefix = 'def f(x):\n    """Double x."""';
    const asked = questionOf({ id: "a", prefix, suffix: "\n", solution: "\n    return 2 * x" }, 64);
    expect(asked.lead).toBe("\n    ");
    expect(asked.question).toMatchObject({ prefix: `${prefix}\n    `, multiline: true });
  });

  it("sends no more of a file than the editor does", () => {
    const { prefix, suffix } = question(`${"a".repeat(100_000)}b = `, "c".repeat(100_000));
    expect(prefix).toHaveLength(24_000);
    expect(prefix.endsWith("b = ")).toBe(true);
    expect(suffix).toHaveLength(8000);
  });
});

describe("evaluateCompletion", () => {
  /** Answers each question with the next of `texts`. */
  function scripted(...texts: [text: string, stop: Completion["stop"], firstTokenMs?: number][]) {
    const asked: CodeQuestion[] = [];
    const complete = async (question: CodeQuestion): Promise<Completion> => {
      const [text, stop, firstTokenMs = 1] = texts[asked.length]!;
      asked.push(question);
      const counts = {
        promptTokens: 1,
        reusedTokens: 0,
        generatedTokens: 1,
        totalMs: 2,
        memoryBytes: 1,
        provider: "cpu",
      };
      return { text, stop, mode: "fim", firstTokenMs, ...counts };
    };
    return { complete };
  }

  const tasks = (count: number) => readTasks(fileOf(...Array(count).fill(row)), count);

  it("tells exact completions, parsing ones and those that ended by themselves", async () => {
    const completer = scripted(
      ["    x += 1  ", "end-token", 30],
      // Another indentation is another program.
      ["x += 1", "line", 10],
      ["    x += (", "length", 20],
      ["    x += 1\n    x += 1", "repeat", 40],
    );
    const judged: unknown[] = [];
    const figures = await evaluateCompletion(completer, await tasks(4), {
      maxTokens: 8,
      onTask: (result) => void judged.push([result.exact, result.parses]),
    });
    expect(judged).toEqual([
      [true, true],
      [false, false],
      [false, false],
      [false, true],
    ]);
    expect(figures).toMatchObject({
      tasks: 4,
      exactMatch: 0.25,
      parseRate: 0.5,
      stopRate: 0.5,
      firstTokenMs: { p50: 20, p95: 40 },
    });
    expect(figures.editSimilarity).toBeGreaterThan(0.5);
    expect(figures.editSimilarity).toBeLessThan(1);
  });

  it("leaves tasks that do not parse with their own solution out of the parse rate", async () => {
    const torn = await readTasks(fileOf({ ...row, prompt: "def (:\n" }), 1);
    const figures = await evaluateCompletion(scripted(["    x += 1", "end-token"]), torn, { maxTokens: 8 });
    expect(figures).toMatchObject({ exactMatch: 1, parseRate: null });
  });

  it("ends when it is cancelled", async () => {
    const abort = new AbortController();
    const run = evaluateCompletion(scripted(["", "line"], ["", "line"]), await tasks(2), {
      maxTokens: 8,
      signal: abort.signal,
      onTask: () => abort.abort(new Error("enough")),
    });
    await expect(run).rejects.toThrow("enough");
  });
});
