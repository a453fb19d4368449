import { type Fence, findFences } from "../text/fences";
import { sourceOf } from "./source";

const languages = new Set(["", "python", "py", "python3", "py3"]);

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

/** Whether one of its blocks says that it is Python. */
export function isDeclaredPython(answer: string): boolean {
  return findFences(answer).some(({ language }) => language !== "" && languages.has(language));
}
