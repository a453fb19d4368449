/** Invented rows of Python in Alpaca's format, for benchmarks: every run makes the same. */

/** What a row takes on average. */
export const BYTES_PER_ROW = 670;

/** A small generator with a fixed seed, so that every run measures the same file. */
let state = 42;
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

const verbs = ["load", "merge", "parse", "filter", "encode", "resolve", "count", "format", "update", "split"];
const nouns = ["record", "index", "buffer", "user", "token", "path", "matrix", "queue", "header", "result"];
const lines = [
  "for {a} in {b}:\n        if {a} is None:\n            continue",
  "{a} = [{b} for {b} in {c} if {b}.{a} > {n}]",
  "with open({a}, 'rb') as handle:\n        {b} = handle.read({n})",
  "if not isinstance({a}, (list, tuple)):\n        raise TypeError(f'expected {b}, got {type({a})}')",
  "return sorted({a}.items(), key=lambda {b}: ({b}[1], -{n}))",
  "{a}[{b}] = {a}.get({b}, {n}) + len({c})",
  "try:\n        {a} = int({b}, 16)\n    except ValueError as error:\n        {c}.append(str(error))",
];

function name(): string {
  const suffix = random(4) === 0 ? String(random(1000)) : "";
  return `${verbs[random(verbs.length)]}_${nouns[random(nouns.length)]}${suffix}`;
}

/** The next row, as one line of JSON. */
export function alpacaRow(index: number): string {
  const title = name();
  let output = `def ${title}(${name()}, ${name()}):\n`;
  while (output.length < BYTES_PER_ROW - 230) {
    const line = lines[random(lines.length)]!.replace(/\{[abc]\}/g, name).replace("{n}", String(random(100_000)));
    output += `    ${line}\n`;
  }
  const instruction = `Write a function ${title} (number ${index}) that takes two values, checks them and gives back the ${nouns[random(10)]} it made of them.`;
  return JSON.stringify({ instruction, input: "", output, source: `module_${index % 300}.py` });
}
