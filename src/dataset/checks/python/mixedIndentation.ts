import type { RowProblem } from "../../problem";
import { problemAt } from "../text/problemAt";
import type { TextPart } from "../textPart";
import { bareLines } from "./bareLines";
import { looksLikePython, noErrors } from "./looksLikePython";
import type { PythonSource } from "./source";

const tabsThenSpaces = /^\t+ +\S|^ +\t/;

/** Tabs and spaces in one indentation, or lines of a block that are indented with one and with the other. */
export function mixedIndentation(part: TextPart, source: PythonSource, declared: boolean): RowProblem | null {
  if (!source.code.includes("\t")) return null;
  const line = firstMixed(source);
  if (line === null) return null;
  const code = source.lines.map((each) => each.code);
  if (!declared && !looksLikePython(code, noErrors)) return null;
  const { start, code: text } = source.lines[line]!;
  const indentation = /^[ \t]*/.exec(text)![0].length;
  const what = "mixes tabs and spaces in the indentation of its Python: use four spaces a level throughout.";
  return problemAt(part, "mixed-indentation", start, start + indentation, what);
}

function firstMixed({ lines }: PythonSource): number | null {
  let seen: string | null = null;
  for (const [index, { bare, inLongString }] of bareLines(lines.map(({ code }) => code)).entries()) {
    if (inLongString || bare.trim() === "" || !/^[ \t]/.test(bare)) continue;
    if (tabsThenSpaces.test(bare)) return index;
    seen ??= bare[0]!;
    if (seen !== bare[0]) return index;
  }
  return null;
}
