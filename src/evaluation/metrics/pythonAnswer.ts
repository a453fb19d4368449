import { looksLikePython, noErrors } from "../../dataset/checks/python/looksLikePython";
import { parsePython } from "../../dataset/checks/python/parser";
import { sourceOf } from "../../dataset/checks/python/source";
import { type Fence, findFences } from "../../dataset/checks/text/fences";

const languages = new Set(["", "python", "py", "python3", "py3"]);
/** The parser leaves a longer text alone. */
const LONGEST_CODE = 100_000;

/**
 * The code of an answer: its fenced blocks of Python, one below the other, else the whole answer. A block that is not
 * closed goes to the end.
 */
export function codeOf(answer: string): string {
  const fences = findFences(answer);
  const code = (fences.length === 0 ? [wholeText(answer)] : fences.filter(isPython)).map(
    ({ contentStart, contentEnd }) => sourceOf(answer, contentStart, contentEnd).code,
  );
  return code.join("\n");
}

function wholeText(answer: string): Pick<Fence, "contentStart" | "contentEnd"> {
  return { contentStart: 0, contentEnd: answer.length };
}

const isPython = ({ language }: Fence) => languages.has(language);

/** Whether the answer has code and all of it parses. `loadPythonParser` must have been awaited. */
export function parses(answer: string): boolean {
  const code = codeOf(answer);
  return code.trim() !== "" && code.length <= LONGEST_CODE && parsePython(code).length === 0;
}

/**
 * Which of the rows' own answers are Python: they hold a block that says so, or parse and read like it. A single word
 * parses too, so a doubtful answer counts only where most answers are beyond doubt.
 */
export function pythonAnswers(expected: readonly string[]): boolean[] {
  const parsing = expected.map(parses);
  const certain = expected.map((answer, index) => parsing[index]! && (isDeclared(answer) || readsLikePython(answer)));
  const mostly = certain.filter(Boolean).length * 2 > expected.length;
  return expected.map((answer, index) => certain[index]! || (mostly && parsing[index]! && !isProse(answer)));
}

function isDeclared(answer: string): boolean {
  return findFences(answer).some(({ language }) => language !== "" && languages.has(language));
}

function readsLikePython(answer: string): boolean {
  return looksLikePython(codeOf(answer).split(/\r?\n/), { ...noErrors, pythonDataset: true });
}

/** One word is a name to the parser. */
function isProse(answer: string): boolean {
  return /^\s*\w+\s*$/.test(codeOf(answer));
}
