import { codeOf, isDeclaredPython } from "../../dataset/checks/python/answerCode";
import { looksLikePython, noErrors } from "../../dataset/checks/python/looksLikePython";
import { parsePython } from "../../dataset/checks/python/parser";

/** The parser leaves a longer text alone. */
const LONGEST_CODE = 100_000;

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
  const certain = expected.map(
    (answer, index) => parsing[index]! && (isDeclaredPython(answer) || readsLikePython(answer)),
  );
  const mostly = certain.filter(Boolean).length * 2 > expected.length;
  return expected.map((answer, index) => certain[index]! || (mostly && parsing[index]! && !isProse(answer)));
}

function readsLikePython(answer: string): boolean {
  return looksLikePython(codeOf(answer).split(/\r?\n/), { ...noErrors, pythonDataset: true });
}

/** One word is a name to the parser. */
function isProse(answer: string): boolean {
  return /^\s*\w+\s*$/.test(codeOf(answer));
}
