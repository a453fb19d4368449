/**
 * What a prompt's parts are worth, with models/tiny-python (or another export) on Python's standard library, which its
 * training left out.
 *
 *   node scripts/bench.mjs completion-prompting context [--model EXPORT] [--tasks N]
 *       code from elsewhere: loss of the true rest of a line at a cursor, in nats a token, without and with definitions
 *       of what the file imports and similar code of the package's other files, as code or as comments
 *   node scripts/bench.mjs completion-prompting instructions --model EXPORT --rows HELDOUT.jsonl [--tasks N]
 *       held-out instructions turned into comments and docstrings: answered by the template, or the code continued
 *   node scripts/bench.mjs completion-prompting suffix [--model EXPORT] [--tasks N]
 *       what follows the cursor: loss in nats a character by how many of its tokens are shown, with the suffix before the
 *       prefix, and with the indentation before the cursor left out of the prompt and written again
 *   node scripts/bench.mjs completion-prompting window
 *       typing through a long file: share of the prompt's tokens that stay, and the time that making a prompt takes
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parser } from "@lezer/python";
import { findStandardLibrary } from "../src/cli/demo/standardLibrary";
import { Completer } from "../src/completion-worker/completer";
import { codePrompt } from "../src/completion-worker/prompt";
import { fitEnd, fitStart } from "../src/completion-worker/promptWindow";
import { codeAlone } from "../src/completion-worker/question";
import { loadTokenizer, type Tokenizer } from "../src/dataset/tokenizer";
import { editSimilarity } from "../src/evaluation/metrics/editSimilarity";
import {
  headersOf,
  importsOf,
  moduleFiles,
  outlineOf,
  usedOf,
} from "../src/extension/completion/context/pythonHeaders";
import { SimilarCode } from "../src/extension/completion/context/similarCode";
import { baseContract, contractPath, readContract } from "../src/model/contract";
import { exportBase } from "../src/model/export";
import { commonPrefix } from "../src/model/kvCache";
import { OnnxLlama } from "../src/model/session";
import type { Contract } from "../src/protocol/run";
import type { ContextSnippet } from "../src/protocol/worker";

const PACKAGES = [
  "asyncio",
  "email",
  "http",
  "importlib",
  "json",
  "logging",
  "multiprocessing",
  "unittest",
  "urllib",
  "xml/dom",
];
const TINY_PYTHON = resolve("models/tiny-python");

/** The same numbers on every machine. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

interface CursorTask {
  package: string;
  file: string;
  prefix: string;
  line: string;
  suffix: string;
}

/** Cursors at the beginning of a line's text, in files of packages. */
function cursorTasks(library: string, count: number): CursorTask[] {
  const random = randomNumbers(1);
  const places = PACKAGES.flatMap((name) =>
    readdirSync(join(library, name))
      .filter((file) => file.endsWith(".py"))
      .map((file) => ({ package: name, file: join(library, name, file) })),
  );
  const tasks: CursorTask[] = [];
  while (tasks.length < count) {
    const place = places[Math.floor(random() * places.length)]!;
    const lines = readFileSync(place.file, "utf8").split("\n");
    const at = Math.floor(random() * lines.length);
    const text = lines[at]!.trim();
    if (at < 15 || text.length < 8 || /^["'#]/.test(text)) continue;
    const indent = lines[at]!.slice(0, lines[at]!.length - lines[at]!.trimStart().length);
    const prefix = `${lines.slice(0, at).join("\n")}\n${indent}`;
    tasks.push({ ...place, prefix, line: text, suffix: `\n${lines.slice(at + 1).join("\n")}` });
  }
  return tasks;
}

function definitionsFor({ file, prefix, suffix }: CursorTask): ContextSnippet[] {
  const text = prefix + suffix;
  const snippets = new Map<string, Set<string>>();
  for (const { module, level, names } of importsOf(text.slice(0, 20_000))) {
    if (level === 0) continue;
    for (const name of names ?? []) {
      const candidates = [...moduleFiles(module), ...moduleFiles([module, name].filter(Boolean).join("."))];
      const found = candidates.map((path) => join(dirname(file), path)).find((path) => existsSync(path));
      if (found === undefined || found === file) continue;
      const headers = headersOf(readFileSync(found, "utf8"));
      const own = outlineOf(headers, name);
      const outlines = own ? [own] : usedOf(text, name).map((used) => outlineOf(headers, used));
      for (const outline of outlines) {
        if (outline) snippets.set(found, (snippets.get(found) ?? new Set()).add(outline));
      }
    }
  }
  return [...snippets].map(([path, outlines]) => ({
    kind: "definition",
    path: relative(dirname(dirname(file)), path),
    text: [...outlines].join("\n"),
  }));
}

function similarFor({ file, prefix, suffix }: CursorTask): ContextSnippet[] {
  const similar = new SimilarCode();
  for (const sibling of readdirSync(dirname(file)).filter((name) => name.endsWith(".py"))) {
    const path = join(dirname(file), sibling);
    if (path !== file) similar.see(relative(dirname(dirname(file)), path), readFileSync(path, "utf8"));
  }
  const around = [...prefix.split("\n").slice(-16), ...suffix.split("\n").slice(0, 4)].join("\n");
  return similar.resembling(around, "", 2).map(({ path, text }) => ({ kind: "similar", path, text }));
}

const commented = (snippets: ContextSnippet[]) =>
  snippets.map((snippet) => ({ ...snippet, text: snippet.text.replace(/^/gm, "# ") }));

async function contextBench(exportDir: string, count: number): Promise<void> {
  const tokenizer = await loadTokenizer(exportDir);
  const contract = readContract(contractPath(exportDir));
  const model = await OnnxLlama.load(exportDir, { threads: 2, maxPositions: contract.contextLength });
  const gathered = cursorTasks(await findStandardLibrary(), 10 * count)
    .map((task) => ({ task, definitions: definitionsFor(task), similar: similarFor(task) }))
    .filter(({ definitions, similar }) => definitions.length > 0 && similar.length > 0)
    .slice(0, count);
  console.log(`${gathered.length} cursors with definitions and similar code, of ${10 * count}`);
  type Way = [name: string, budget: number, context: (found: (typeof gathered)[number]) => ContextSnippet[]];
  const ways: Way[] = [
    ["nothing", 0, () => []],
    ["definitions", 256, ({ definitions }) => definitions],
    ["definitions as comments", 256, ({ definitions }) => commented(definitions)],
    ["similar", 256, ({ similar }) => similar],
    ["similar as comments", 256, ({ similar }) => commented(similar)],
    ["both", 256, ({ definitions, similar }) => [...definitions, ...similar]],
    ["both", 512, ({ definitions, similar }) => [...definitions, ...similar]],
  ];
  let before: number[] = [];
  for (const [name, contextTokens, contextOf] of ways) {
    const losses: number[] = [];
    let tokens = 0;
    for (const found of gathered) {
      const { task } = found;
      const question = { ...task, context: contextOf(found), contextTokens };
      const { ids } = await codePrompt(contract, tokenizer, question, 64);
      const [answer] = (await tokenizer.encode([task.line])) as [number[]];
      losses.push(await lossOf(model, ids, answer));
      tokens += ids.length;
    }
    if (before.length === 0) before = losses;
    const better = losses.map((loss, i) => before[i]! - loss);
    const error = Math.sqrt(mean(better.map((value) => (value - mean(better)) ** 2)) / better.length);
    console.log(
      `${name.padEnd(26)} ${String(contextTokens).padStart(4)} tokens  loss ${mean(losses).toFixed(4)}  better by ${mean(better).toFixed(4)} ± ${error.toFixed(4)}  prompt ${(tokens / gathered.length).toFixed(0)} tokens`,
    );
  }
  await model.release();
}

async function suffixBench(exportDir: string, count: number): Promise<void> {
  const tokenizer = await loadTokenizer(exportDir);
  const contract = readContract(contractPath(exportDir));
  const model = await OnnxLlama.load(exportDir, { threads: 2, maxPositions: contract.contextLength });
  const tasks = cursorTasks(await findStandardLibrary(), count);
  const { fim } = contract.modes;
  if (!fim || !contract.beginToken) throw new Error("This model has no tokens for filling in the middle.");
  const begin = contract.beginToken.id;
  const ways = [
    { name: "prefix alone", most: 0, again: false },
    { name: "prefix alone", most: 0, again: true },
    { name: "prefix, suffix", most: 32, again: false },
    { name: "prefix, suffix", most: 128, again: false },
    { name: "prefix, suffix", most: 128, again: true },
    { name: "suffix, prefix", most: 128, again: false },
  ];
  for (const { name, most, again } of ways) {
    const losses: number[] = [];
    for (const { prefix, suffix, line } of tasks) {
      const indent = /[ \t]*$/.exec(prefix)![0];
      const head = again ? prefix.slice(0, prefix.length - indent.length) : prefix;
      const [before, after] = [await fitEnd(head, 600, tokenizer), await fitStart(suffix, most, tokenizer)];
      const suffixFirst = [begin, fim.prefix, fim.suffix, ...after.ids, fim.middle, ...before.ids];
      const prefixFirst = [begin, fim.prefix, ...before.ids, fim.suffix, ...after.ids, fim.middle];
      const ids = most === 0 ? [begin, ...before.ids] : name === "prefix, suffix" ? prefixFirst : suffixFirst;
      const [answer] = (await tokenizer.encode([again ? indent + line : line])) as [number[]];
      // What is given is no merit: the tokens of the indentation alone are written anew in any case.
      let given = 0;
      while (again && (await tokenizer.decode(answer.slice(0, given + 1))).length <= indent.length) given += 1;
      const counted = answer.length - given;
      const loss = await lossOf(model, [...ids, ...answer.slice(0, given)], answer.slice(given));
      losses.push((loss * counted) / line.length);
    }
    const written = again ? "written again" : "";
    console.log(
      `${name.padEnd(15)} ${String(most).padStart(4)} of suffix ${written.padEnd(14)} ${mean(losses).toFixed(4)}`,
    );
  }
  await model.release();
}

/** Mean over the answer's tokens, in nats. */
async function lossOf(model: OnnxLlama, prompt: readonly number[], answer: readonly number[]): Promise<number> {
  const ids = [...prompt, ...answer];
  const positions = answer.map((_, i) => prompt.length + i - 1);
  let sum = 0;
  await model.scan(ids, positions, (position, logits) => {
    const top = logits.reduce((a, b) => Math.max(a, b));
    let total = 0;
    for (const value of logits) total += Math.exp(value - top);
    sum += top + Math.log(total) - logits[ids[position + 1]!]!;
  });
  return sum / answer.length;
}

interface Row {
  instruction: string;
  output: string;
}

async function instructionBench(exportDir: string, rowsFile: string, count: number): Promise<void> {
  const completer = await Completer.load(exportDir, { threads: 2 });
  const rows = readFileSync(rowsFile, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row)
    .filter(({ output }) => /^(async )?def /.test(output))
    .slice(0, count);
  for (const [name, place] of [
    ["a comment", asComment],
    ["a docstring", asDocstring],
  ] as const) {
    for (const instructed of [false, true]) {
      const scores = { exact: 0, parses: 0, written: 0, similarity: [] as number[], ms: [] as number[] };
      for (const row of rows) {
        const { prefix, expected, instruction, whole } = place(row);
        const question = { ...codeAlone({ prefix, suffix: "\n", multiline: true, maxTokens: 128 }) };
        const asked = instructed ? { ...question, instruction } : question;
        const { text, totalMs } = await completer.complete(asked);
        if (text.trim() !== "") scores.written += 1;
        if (text.trim() !== "" && parses(whole(text))) scores.parses += 1;
        if (text.trim() === expected.trim()) scores.exact += 1;
        scores.similarity.push(editSimilarity(text.trim(), expected.trim()));
        scores.ms.push(totalMs);
      }
      const share = (n: number) => `${((100 * n) / rows.length).toFixed(1)} %`;
      console.log(
        `${name}, ${instructed ? "template" : "continued"}: ${rows.length} rows, written ${share(scores.written)}, parses ${share(scores.parses)}, exact ${share(scores.exact)}, edit similarity ${mean(scores.similarity).toFixed(3)}, ${mean(scores.ms).toFixed(0)} ms`,
      );
    }
  }
  await completer.release();
}

interface Asked {
  prefix: string;
  expected: string;
  instruction: string;
  /** The code that is to parse. */
  whole(text: string): string;
}

function asComment({ instruction, output }: Row): Asked {
  const prefix = `${instruction.replace(/^/gm, "# ")}\n`;
  return { prefix, expected: output, instruction, whole: (text) => text };
}

function asDocstring({ instruction, output }: Row): Asked {
  const [, header, body] = /^((?:async )?def (?:[^\n]*\n)*?[^\n]*:)\n([\s\S]*)$/.exec(output) ?? [];
  const description = instruction.slice(instruction.indexOf("\n\n") + 2);
  const prefix = `${header ?? output}\n    """${description.replace(/\n/g, "\n    ")}"""\n    `;
  return { prefix, expected: body ?? "", instruction, whole: (text) => `${prefix}${text}` };
}

function parses(code: string): boolean {
  const cursor = parser.parse(`${code}\n`).cursor();
  do if (cursor.type.isError) return false;
  while (cursor.next());
  return true;
}

async function windowBench(): Promise<void> {
  const tokenizer: Tokenizer = await loadTokenizer(TINY_PYTHON);
  const contract: Contract = await baseContract(TINY_PYTHON);
  const text = readFileSync(join(await findStandardLibrary(), "argparse.py"), "utf8");
  const cursor = 60_000;
  const suffix = text.slice(cursor + 4000, cursor + 12_000);
  for (const fim of [true, false]) {
    const modes = fim ? contract.modes : { prefix: {} };
    let previous: number[] = [];
    const [shares, suffixes, times, lengths]: number[][] = [[], [], [], []];
    for (let at = cursor; at < cursor + 4000; at += 2) {
      const start = performance.now();
      const prefix = text.slice(Math.max(0, at - 24_000), at);
      const { ids, sections } = await codePrompt({ ...contract, modes }, tokenizer, { prefix, suffix }, 64);
      times!.push(performance.now() - start);
      const behind = sections.slice(sections.findIndex(({ kind }) => kind === "prefix") + 1);
      const own = ids.length - behind.reduce((sum, { tokens }) => sum + tokens, 0);
      const same = commonPrefix(previous, ids);
      if (previous.length > 0) shares!.push(Math.min(1, same / own));
      suffixes!.push(ids.length - same);
      lengths!.push(ids.length);
      previous = ids;
    }
    const moved = shares!.filter((share) => share < 0.5).length;
    console.log(
      `${fim ? "FIM" : "prefix"}: prompt ${mean(lengths!).toFixed(0)} tokens, ${(100 * mean(shares!)).toFixed(1)} % of the prefix's tokens stay, ${mean(suffixes!).toFixed(0)} tokens to compute, beginning moved ${moved} times in ${shares!.length} keys, ${mean(times!).toFixed(2)} ms to make a prompt`,
    );
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { model: { type: "string" }, tasks: { type: "string" }, rows: { type: "string" } },
  });
  const temporary = await mkdtemp(join(tmpdir(), "tunesmith-bench-"));
  try {
    const exportDir = values.model ? resolve(values.model) : join(temporary, "export");
    const tasks = Number(values.tasks ?? 200);
    if (positionals[0] === "window") return await windowBench();
    if (!values.model) await exportBase(TINY_PYTHON, exportDir, { engine: null });
    if (positionals[0] === "instructions") return await instructionBench(exportDir, resolve(values.rows ?? ""), tasks);
    if (positionals[0] === "suffix") await suffixBench(exportDir, tasks);
    else await contextBench(exportDir, tasks);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

main();
