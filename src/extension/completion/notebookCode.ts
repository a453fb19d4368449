import { scanPython } from "./pythonScan";

/** What in a notebook's cell is Python, and what is for the notebook: magics, shell and help lines. Pure. */

/** Magics of a whole cell whose code is Python all the same. */
const PYTHON_CELLS: ReadonlySet<string> = new Set(["time", "timeit", "capture", "prun", "python", "python3", "pypy"]);
/** `%magic`, `!shell`, `?help`, also as what a name is set to; `help?`. */
const NOT_PYTHON = /^\s*(?:[\w.,\s]*=\s*)?(?:%%?[A-Za-z_]|!)|^\s*\?|^\s*[%\w.*]+\?\??\s*$/;
/** A line's beginning says what it is. */
const LOOKED_AT = 300;
/** Longer cells are data. */
const LONGEST_CELL = 200_000;
/** Lines that begin like that within one string or bracket. */
const MOST_LOOKS = 200;

/**
 * The lines, 0-based, that are no Python. As in IPython a line within a string or a bracket is none of them, and one that
 * ends with a backslash goes on below.
 */
export function linesForNotebook(lines: readonly string[]): ReadonlySet<number> {
  const found = new Set<number>();
  if (lines.reduce((sum, line) => sum + line.length, 0) > LONGEST_CELL) return found;
  const first = lines.findIndex((line) => line.trim() !== "");
  const cellMagic = first === -1 ? undefined : /^%%(\S*)/.exec(lines[first]!)?.[1];
  if (cellMagic !== undefined && !PYTHON_CELLS.has(cellMagic)) return new Set(lines.keys());
  let clean = 0;
  let looks = 0;
  for (let at = 0; at < lines.length; ++at) {
    if (!NOT_PYTHON.test(lines[at]!.slice(0, LOOKED_AT))) continue;
    if (++looks > MOST_LOOKS) break;
    if (!beginsStatement(lines.slice(clean, at))) continue;
    found.add(at);
    while (lines[at]!.endsWith("\\") && at + 1 < lines.length) found.add(++at);
    clean = at + 1;
    looks = 0;
  }
  return found;
}

/** Whether what comes below these lines is a statement of its own. */
function beginsStatement(above: readonly string[]): boolean {
  if (above.length === 0) return true;
  const { where, awaited } = scanPython(`${above.join("\n")}\n`);
  return where === "code" && awaited.length === 0 && !above.at(-1)!.endsWith("\\");
}

/** Lines for the notebook become comments, so that the model knows of them and reads Python. */
export function asPython(lines: readonly string[], forNotebook: ReadonlySet<number>): string[] {
  return lines.map((line, at) => (forNotebook.has(at) ? line.replace(/^\s*/, "$&# ").trimEnd() : line));
}
