import { parsePython } from "../../dataset/checks/python/parser";

/** Python that fails unless the code before it is right. */
export interface RowTest {
  /** Stands before the answer: imports, or the beginning of the function that the answer goes on with. */
  setup: string;
  test: string;
}

/** No row's tests are longer; a hostile row must not cost more. */
const LONGEST_TEST = 100_000;

/**
 * The tests that a row carries, in the fields of the known collections; null: none, or none that is Python.
 *
 * - `test_list`, with `test_setup_code` or `test_imports` (MBPP): lines of assert;
 * - `test` and `entry_point` (HumanEval): defines `check(candidate)`, and `prompt` begins the function;
 * - `test`, `tests`: Python, or a list of lines;
 * - else lines of the row's request that begin with `assert`, as MBPP's prompts have them.
 *
 * `loadPythonParser` must have been awaited.
 */
export function testOf(row: unknown, request: string): RowTest | null {
  if (typeof row !== "object" || row === null || Array.isArray(row)) return null;
  const fields = row as Record<string, unknown>;
  const found = fromFields(fields) ?? fromRequest(request);
  if (found === null || found.test.length + found.setup.length > LONGEST_TEST) return null;
  return isTest(found) ? found : null;
}

function fromFields(fields: Record<string, unknown>): RowTest | null {
  const list = codeOf(fields.test_list);
  if (list !== null) return { setup: joined(codeOf(fields.test_imports), codeOf(fields.test_setup_code)), test: list };
  const test = codeOf(fields.test) ?? codeOf(fields.tests);
  if (test === null) return null;
  const setup = joined(codeOf(fields.test_imports), codeOf(fields.test_setup_code));
  const entryPoint = fields.entry_point;
  if (typeof entryPoint !== "string" || !/^[A-Za-z_]\w*$/.test(entryPoint)) return { setup, test };
  return { setup, test: /^def check\(/m.test(test) ? `${test}\ncheck(${entryPoint})\n` : test };
}

function fromRequest(request: string): RowTest | null {
  const lines = request.split(/\r?\n/).filter((line) => /^assert\b.*\w\(/.test(line));
  return lines.length === 0 ? null : { setup: "", test: lines.join("\n") };
}

/** A text, or a list of lines; null where it is neither, or empty. */
function codeOf(value: unknown): string | null {
  const text = Array.isArray(value) && value.every((line) => typeof line === "string") ? value.join("\n") : value;
  return typeof text === "string" && text.trim() !== "" ? text.replaceAll("\r\n", "\n") : null;
}

function joined(...parts: (string | null)[]): string {
  return parts.filter((part) => part !== null).join("\n");
}

/** What asserts nothing passes always, and so says nothing. */
function isTest({ setup, test }: RowTest): boolean {
  const asserts = /\bassert\b|\bassert[A-Z]\w*\(|\braise\b/.test(test);
  return asserts && parsePython(setup).length === 0 && parsePython(test).length === 0;
}

/**
 * What is run: the answer's code, below the beginning of the function where the answer only goes on with one
 * (HumanEval).
 */
export function programOf({ setup }: RowTest, row: unknown, code: string): string {
  const { prompt, entry_point: entryPoint } = (row ?? {}) as Record<string, unknown>;
  const begun = typeof prompt === "string" && typeof entryPoint === "string" ? prompt : null;
  const defines = begun !== null && new RegExp(`^(?:async )?def ${escaped(String(entryPoint))}\\b`, "m").test(code);
  const beginning = begun !== null && !defines && begun.includes(`def ${String(entryPoint)}`) ? begun : "";
  return [setup, beginning + code].filter((part) => part !== "").join("\n");
}

function escaped(name: string): string {
  return name.replace(/[^\w]/g, "\\$&");
}
