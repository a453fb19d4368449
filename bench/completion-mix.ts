/**
 * Whether a model that is fine-tuned with samples for completion completes better: tiny-python on Python's standard
 * library, judged on gaps in files that training did not see.
 *
 *   node scripts/bench.mjs completion-mix [--rows N] [--share S] [--tasks N] [--device cpu|cuda] [--processes N]
 *                                         [--plain] [--library DIR] [--keep DIR]
 *
 * A fifth of the library's files, chosen by the hashes of their paths, is kept apart and tasks are cut from it. Of the
 * rest rows are made as the demo makes them; a run learns them with the product's settings and the given share of samples
 * cut from the answers and the files. Base and tuned model are evaluated through `tunesmith eval-completion`, in as many
 * processes as there are to be, one thread each where they are several. `--plain` trains on the same rows without samples
 * as well.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { type CliProcess, runCli } from "../src/cli/cli";
import { findStandardLibrary } from "../src/cli/demo/standardLibrary";
import { pythonFiles } from "../src/dataset/fromPython/walk";
import {
  type CompletionFigures,
  figuresOf,
  type JudgedCompletion,
} from "../src/evaluation/completion/evaluateCompletion";
import { listRunDirectories } from "../src/run/runDirectory";

const KEPT_APART = 0.2;
const model = resolve("models/tiny-python");

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1200" },
    share: { type: "string", default: "0.7" },
    tasks: { type: "string", default: "2200" },
    device: { type: "string", default: "cpu" },
    processes: { type: "string", default: "1" },
    plain: { type: "boolean", default: false },
    library: { type: "string" },
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

/** Each process has every n-th task. What they have judged is put together again. */
async function evaluate(name: string, target: string, tasks: string, folder: string): Promise<CompletionFigures> {
  const lines = (await readFile(tasks, "utf8")).trim().split("\n");
  const count = Number(values.processes);
  const threads = count > 1 ? ["--threads", "1"] : [];
  const parts = Array.from({ length: count }, async (_, part) => {
    const file = join(folder, `tasks.${part}.jsonl`);
    const out = join(folder, `${name}.${part}.jsonl`);
    await writeFile(file, `${lines.filter((_, index) => index % count === part).join("\n")}\n`);
    const args = ["eval-completion", "--model", target, "--tasks", file, "--out", out, "--format", "json", ...threads];
    await promisify(execFile)(process.execPath, [resolve("dist/cli.js"), ...args], { maxBuffer: 1 << 28 });
    const judged = (await readFile(out, "utf8")).trim().split("\n");
    return judged.map((line) => JSON.parse(line) as JudgedCompletion);
  });
  const figures = figuresOf((await Promise.all(parts)).flat());
  const percent = (share: number | null) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
  console.log(
    `${name.padEnd(8)} ${figures.tasks} tasks, exact ${percent(figures.exactMatch)}, similarity ${percent(figures.editSimilarity)}, parses ${percent(figures.parseRate)}, ends by itself ${percent(figures.stopRate)}, first token ${figures.firstTokenMs.p50.toFixed(1)} ms (p95 ${figures.firstTokenMs.p95.toFixed(1)})`,
  );
  return figures;
}

/** The export of a run is made before the processes ask for it. */
async function trainAndExport(rows: string, runs: string, ...options: string[]): Promise<string> {
  const began = performance.now();
  const limits = ["--max-train-rows", values.rows, "--max-eval-rows", "40", "--device", values.device];
  console.log(await tunesmith("train", "--model", model, "--data", rows, "--out", runs, ...limits, ...options));
  const [run] = await listRunDirectories(runs);
  await tunesmith("export", "--run", run!);
  console.log(`trained and exported in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  return run!;
}

function gainText(name: string, figures: CompletionFigures, over: CompletionFigures, what: string): string {
  const gain = (100 * (figures.exactMatch - over.exactMatch)) / over.exactMatch;
  return `${name}: exact match ${gain >= 0 ? "+" : ""}${gain.toFixed(0)} % relative to ${what}, ${figures.tasks} tasks`;
}

async function main(): Promise<void> {
  const folder = values.keep ? resolve(values.keep) : await mkdtemp(join(tmpdir(), "completion-mix-"));
  const [train, tasks, rows] = ["train", "tasks.jsonl", "rows.jsonl"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const counts = await shareOut(values.library ?? (await findStandardLibrary()), folder);
  console.log(`${counts.train} files to learn from, ${counts.tasks} kept apart`);
  console.log(
    await tunesmith("dataset", "infilling-tasks", join(folder, "tasks"), "--count", values.tasks, "-o", tasks),
  );
  await tunesmith("dataset", "from-python", train, "--skip-tests", "-o", rows);
  const exported = join(folder, "base-export");
  await tunesmith("export", "--model", model, "--out", exported);
  const base = await evaluate("base", exported, tasks, folder);
  const mix = ["--completion-share", values.share, "--completion-from", "answers", "--completion-from", train];
  const tuned = await evaluate("mix", await trainAndExport(rows, join(folder, "runs"), ...mix), tasks, folder);
  console.log(gainText("mix", tuned, base, "the base"));
  if (values.plain) {
    const plain = await evaluate("plain", await trainAndExport(rows, join(folder, "runs-plain")), tasks, folder);
    console.log(gainText("mix", tuned, plain, "the same rows without samples"));
  }
  if (!values.keep) await rm(folder, { recursive: true, force: true });
}

void main();
