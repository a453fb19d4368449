import { endsHeader } from "./completionText";
import type { PythonScan } from "./pythonScan";

/** Text around the cursor, with \n as line ends. */
export interface Surroundings {
  prefix: string;
  suffix: string;
}

/** What to ask the model for. `lead`: put in front of its text, as if the user had gone on to there. */
export type Wanted =
  | { kind: "nothing" }
  /** The rest of the line. */
  | { kind: "line"; lead: string }
  | { kind: "block"; lead: string };

export interface Asked {
  /** The user asked for a completion right here. */
  invoked: boolean;
  /** The comment or docstring before the cursor asks for code. */
  instruction: boolean;
}

const NOTHING: Wanted = { kind: "nothing" };

/**
 * Whole blocks where a block begins, on an empty line and behind a docstring; elsewhere the rest of the line. Nothing in
 * strings and comments, nor in the middle of a word, unless it was asked for.
 */
export function whatIsWanted({ prefix, suffix }: Surroundings, scan: PythonScan, asked: Asked): Wanted {
  const linePrefix = prefix.slice(prefix.lastIndexOf("\n") + 1);
  const [lineSuffix = ""] = suffix.split("\n", 1);
  if (scan.where !== "code") return inText(scan, linePrefix, lineSuffix, suffix, asked);
  if (/^\w/.test(lineSuffix)) return asked.invoked ? { kind: "line", lead: "" } : NOTHING;
  if (hasWord(lineSuffix)) return { kind: "line", lead: "" };
  if (scan.docstringIndent !== null) {
    if (!asked.invoked && isBelow(suffix, scan.docstringIndent, "at")) return NOTHING;
    return { kind: "block", lead: `\n${scan.docstringIndent}` };
  }
  if (linePrefix.trim() === "") return { kind: "block", lead: "" };
  if (!endsHeader(linePrefix) || scan.awaited.length > 0) return { kind: "line", lead: "" };
  // The block is there already.
  if (!asked.invoked && isBelow(suffix, indentationOf(linePrefix), "deeper")) return NOTHING;
  return { kind: "block", lead: "" };
}

/** In a comment or a string. A comment that asks for code is answered on the next line. */
function inText(scan: PythonScan, linePrefix: string, lineSuffix: string, suffix: string, asked: Asked): Wanted {
  const atLineEnd = lineSuffix.trim() === "";
  const isComment = scan.where === "comment" && /^\s*#/.test(linePrefix);
  if (isComment && atLineEnd && asked.instruction && (asked.invoked || !isAtOnceBelow(suffix, linePrefix))) {
    return { kind: "block", lead: `\n${indentationOf(linePrefix)}` };
  }
  return asked.invoked ? { kind: "line", lead: "" } : NOTHING;
}

export function indentationOf(line: string): string {
  return /^[ \t]*/.exec(line)![0];
}

/** Whether the next line that is not blank belongs to a block at this indentation, or to one within it. */
function isBelow(suffix: string, indentation: string, where: "at" | "deeper"): boolean {
  const next = suffix
    .split("\n")
    .slice(1)
    .find((line) => line.trim() !== "");
  if (next === undefined) return false;
  const width = indentationOf(next).length;
  return where === "at" ? width >= indentation.length && indentation !== "" : width > indentation.length;
}

/** Code right below a comment, at its indentation, is most likely what the comment explains. */
function isAtOnceBelow(suffix: string, linePrefix: string): boolean {
  const next = suffix.split("\n", 2)[1] ?? "";
  return next.trim() !== "" && indentationOf(next).length >= indentationOf(linePrefix).length;
}

function hasWord(text: string): boolean {
  return /\w/.test(text);
}
