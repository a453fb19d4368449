/**
 * Whether a model that is fine-tuned with samples for completion completes better: tiny-python on Python's standard
 * library, judged on gaps in files that training did not see.
 *
 *   node scripts/bench.mjs completion-mix [--rows N] [--share S] [--tasks N] [--device cpu|cuda] [--keep DIR]
 *
 * A fifth of the library's files, chosen by the hashes of their paths, is kept apart and tasks are cut from it. Of the
 * rest rows are made as the demo makes them; a run learns them with the product's settings and the given share of samples
 * cut from the answers and the files. Base and tuned model are evaluated through `tunesmith eval-completion`.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type CliProcess, runCli } from "../src/cli/cli";
import { findStandardLibrary } from "../src/cli/demo/standardLibrary";
import { pythonFiles } from "../src/dataset/fromPython/walk";
import type { CompletionFigures } from "../src/evaluation/completion/evaluateCompletion";
import { listRunDirectories } from "../src/run/runDirectory";

const KEPT_APART = 0.2;
const model = resolve("models/tiny-python");

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1200" },
    share: { type: "string", default: "0.7" },
    tasks: { type: "string", default: "2200" },
    device: { type: "string", default: "cpu" },
    keep: { type: "string" },
  },
});

/** The last line of a command's output; its progress goes to stderr as on a terminal. */
async function tunesmith(...args: string[]): Promise<string> {
  let out = "";
  const nothing = () => undefined;
  const code = await runCli(args, {
    stdout: { write: (text: string): unknown => (out += text) },
    stderr: process.stderr,
    cwd: () => process.cwd(),
    on: nothing,
    off: nothing,
  } as CliProcess);
  if (code !== 0) throw new Error(`tunesmith ${args.join(" ")} ended with ${code}.`);
  return out.trim().split("\n").at(-1)!;
}

/** Tests and tables of characters are no code that anyone writes; as in the demo, they are left out. */
async function shareOut(library: string, folder: string): Promise<{ train: number; tasks: number }> {
  const counts = { train: 0, tasks: 0 };
  for await (const path of pythonFiles(library, { skipTests: true })) {
    if (/^(?:pydoc_data|lib2to3)\//.test(path)) continue;
    const hash = createHash("sha1").update(path).digest().readUInt32LE(0) / 2 ** 32;
    const side = hash < KEPT_APART ? "tasks" : "train";
    counts[side]++;
    const target = join(folder, side, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(library, path), target);
  }
  return counts;
}

async function evaluate(name: string, target: string, tasks: string, out: string): Promise<CompletionFigures> {
  const args = ["--model", target, "--tasks", tasks, "--out", out, "--format", "json"];
  const figures = JSON.parse(await tunesmith("eval-completion", ...args)) as CompletionFigures;
  const percent = (share: number | null) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
  console.log(
    `${name.padEnd(8)} exact ${percent(figures.exactMatch)}, similarity ${percent(figures.editSimilarity)}, parses ${percent(figures.parseRate)}, ends by itself ${percent(figures.stopRate)}, first token ${figures.firstTokenMs.p50.toFixed(1)} ms (p95 ${figures.firstTokenMs.p95.toFixed(1)})`,
  );
  return figures;
}

async function main(): Promise<void> {
  const folder = values.keep ? resolve(values.keep) : await mkdtemp(join(tmpdir(), "completion-mix-"));
  const [train, tasks, rows] = ["train", "tasks.jsonl", "rows.jsonl"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const counts = await shareOut(await findStandardLibrary(), folder);
  console.log(`${counts.train} files to learn from, ${counts.tasks} kept apart`);
  console.log(
    await tunesmith("dataset", "infilling-tasks", join(folder, "tasks"), "--count", values.tasks, "-o", tasks),
  );
  await tunesmith("dataset", "from-python", train, "--skip-tests", "-o", rows);
  const base = await evaluate("base", model, tasks, join(folder, "base.jsonl"));
  const runs = join(folder, "runs");
  const began = performance.now();
  const mix = ["--completion-share", values.share, "--completion-from", "answers", "--completion-from", train];
  const limits = ["--max-train-rows", values.rows, "--max-eval-rows", "40", "--device", values.device];
  console.log(await tunesmith("train", "--model", model, "--data", rows, "--out", runs, ...limits, ...mix));
  console.log(`trained in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const [run] = await listRunDirectories(runs);
  const tuned = await evaluate("tuned", run!, tasks, join(folder, "tuned.jsonl"));
  const gain = (100 * (tuned.exactMatch - base.exactMatch)) / base.exactMatch;
  console.log(`exact match ${gain >= 0 ? "+" : ""}${gain.toFixed(0)} % relative over ${base.tasks} tasks`);
  if (!values.keep) await rm(folder, { recursive: true, force: true });
}

void main();
