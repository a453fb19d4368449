import { createHash } from "node:crypto";
import { describe } from "./docstring";
import { findFunctions, type PythonFunction } from "./functions";

export interface PythonRow {
  instruction: string;
  input: "";
  output: string;
  /** The file, relative to the folder. */
  source: string;
}

export interface RowLimits {
  /** Of the answer. */
  maxCharacters: number;
}

export const defaultLimits: RowLimits = { maxCharacters: 4000 };

/** Below this many characters that are no blanks there is nothing to learn from a body. */
const SHORTEST_BODY = 24;
const FEWEST_WORDS = 3;
const LONGEST_INSTRUCTION = 1500;

export type SkipReason =
  | "no-docstring"
  | "syntax-error"
  | "empty-body"
  | "placeholder"
  | "too-short"
  | "too-long"
  | "no-description"
  | "duplicate";

/** Makes rows of functions and remembers which answers there were. */
export class RowMaker {
  readonly skipped: Record<SkipReason, number> = {
    "no-docstring": 0,
    "syntax-error": 0,
    "empty-body": 0,
    placeholder: 0,
    "too-short": 0,
    "too-long": 0,
    "no-description": 0,
    duplicate: 0,
  };
  private readonly seen = new Set<string>();

  constructor(private readonly limits: RowLimits = defaultLimits) {}

  rowsOf(text: string, source: string): PythonRow[] {
    const found = findFunctions(text);
    for (const [reason, count] of Object.entries(found.skipped)) this.skipped[reason as SkipReason] += count;
    return found.functions.flatMap((definition) => {
      const row = this.row(definition, source);
      if (typeof row !== "string") return [row];
      this.skipped[row]++;
      return [];
    });
  }

  private row(definition: PythonFunction, source: string): PythonRow | SkipReason {
    const output = definition.source;
    if (definition.trivial) return "placeholder";
    if (definition.bodyLength < SHORTEST_BODY) return "too-short";
    if (output.length > this.limits.maxCharacters) return "too-long";
    const description = describe(definition.docstring);
    if (description.split(/\s+/).length < FEWEST_WORDS) return "no-description";
    const instruction = `${task(definition)}\n\n${description}`;
    if (instruction.length > LONGEST_INSTRUCTION) return "too-long";
    const key = createHash("sha1").update(output.replace(/\s+/g, " ")).digest("base64");
    if (this.seen.has(key)) return "duplicate";
    this.seen.add(key);
    return { instruction, input: "", output, source };
  }
}

/** The signature makes the task well-posed: what is left to learn is the body. */
function task({ async, className, signature }: PythonFunction): string {
  const kind = `${async ? "an async" : "a"} Python ${className === null ? "function" : "method"}`;
  const place = className === null ? "" : ` of class \`${className}\``;
  return `Write ${kind} \`${signature}\`${place}.`;
}
