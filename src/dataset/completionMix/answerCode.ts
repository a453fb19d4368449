import { rowSource } from "../checkRow";
import { codeOf, isDeclaredPython } from "../checks/python/answerCode";
import { looksLikePython, noErrors } from "../checks/python/looksLikePython";
import type { Dialect, JsonObject } from "../formats/format";
import { LineReader } from "../lines";
import type { DatasetPlan, ReadOptions } from "../readDataset";
import { lineProblems, parseLine } from "../rows";

/** The Python of one row's answers. */
export interface AnswerCode {
  /** Index into the plan's sources. */
  source: number;
  /** 1-based line. */
  row: number;
  heldOut: boolean;
  code: string;
}

/** The Python in the answers of all usable rows, in the files' order. */
export async function* answerCodes(plan: DatasetPlan, { signal }: ReadOptions): AsyncGenerator<AnswerCode> {
  for (const [index, { path, dialect, heldOut }] of plan.sources.entries()) {
    if (dialect === null) continue;
    for await (const lines of new LineReader(path, { hash: false }).batches(signal)) {
      for (const line of lines) {
        const parsed = parseLine(line);
        if (parsed === null || lineProblems(parsed, dialect).length > 0) continue;
        const code = pythonOf(parsed.value as JsonObject, dialect);
        if (code === "") continue;
        const row = { text: line.text!, source: rowSource(parsed.value) };
        yield { source: index, row: line.number, heldOut: heldOut(row), code };
      }
    }
  }
}

function pythonOf(row: JsonObject, dialect: Dialect): string {
  const answers = dialect.format.texts(row, dialect.layout).filter(({ role }) => role === "answer");
  return answers
    .map(({ text }) => ({ text, code: codeOf(text) }))
    .filter(({ text, code }) => code.trim() !== "" && isPython(text, code, dialect.mostlyPython))
    .map(({ code }) => code)
    .join("\n\n\n");
}

function isPython(answer: string, code: string, pythonDataset: boolean): boolean {
  return isDeclaredPython(answer) || looksLikePython(code.split("\n"), { ...noErrors, pythonDataset });
}
