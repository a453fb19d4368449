import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../../disk/atomicWrite";
import { decodeSource } from "../fromPython/sourceText";
import { pythonFiles } from "../fromPython/walk";
import { DatasetError } from "../problem";
import { LARGEST_SOURCE, type Middle, type MiddleKind, PythonSource } from "./middles";
import { SeededRandom } from "./seededRandom";

/** Tasks for `eval-completion`, in the layout of HumanEval-infilling (Bavarian et al. 2022), cut from Python files. */

export interface InfillingTask {
  /** `kind/path:line.column`, 1-based. */
  task_id: string;
  prompt: string;
  suffix: string;
  canonical_solution: string;
}

export interface InfillingTasksOptions {
  count: number;
  seed: number;
  skipTests: boolean;
  signal?: AbortSignal | undefined;
  progress?: ((files: number, path: string) => void) | undefined;
}

export interface InfillingTasksResult {
  tasks: number;
  files: number;
  byKind: Record<MiddleKind, number>;
}

/** Text around the middle: whole top-level statements where they fit. */
const PROMPT_CHARACTERS = 6000;
const SUFFIX_CHARACTERS = 3000;
/** One file with many lines must not be most of the tasks. */
const MOST_OF_A_FILE = 60;
const ATTEMPTS_PER_TASK = 4;

/**
 * Writes `count` tasks, or as many as there are, shared out over the files below `folder` by their lengths; the same for
 * the same files and seed.
 */
export async function writeInfillingTasks(
  folder: string,
  out: string,
  options: InfillingTasksOptions,
): Promise<InfillingTasksResult> {
  if (!(await stat(folder)).isDirectory()) {
    throw new DatasetError(`${folder} is not a folder: name one that holds Python files.`);
  }
  const { tasks, files } = await makeTasks(folder, options);
  if (tasks.length === 0) throw new DatasetError(`${folder} has no Python file that a task could be cut from.`);
  const byKind: Record<MiddleKind, number> = { line: 0, block: 0, expression: 0 };
  for (const { kind } of tasks) byKind[kind]++;
  await writeAtomically(out, tasks.map(({ task }) => `${JSON.stringify(task)}\n`).join(""));
  return { tasks: tasks.length, files, byKind };
}

interface CutTask {
  kind: MiddleKind;
  task: InfillingTask;
  /** Decides which tasks are kept where there are too many, and their order. */
  rank: string;
}

async function makeTasks(folder: string, options: InfillingTasksOptions): Promise<{ tasks: CutTask[]; files: number }> {
  const { count, seed, skipTests, signal } = options;
  const texts: { path: string; text: string }[] = [];
  for await (const path of pythonFiles(folder, { skipTests, signal })) {
    options.progress?.(texts.length, path);
    if ((await stat(join(folder, path))).size > LARGEST_SOURCE) continue;
    const source = decodeSource(await readFile(join(folder, path)));
    if ("text" in source) texts.push({ path, text: source.text });
  }
  const characters = texts.reduce((sum, { text }) => sum + text.length, 0);
  const cut = texts.flatMap(({ path, text }) => {
    const share = Math.min(MOST_OF_A_FILE, Math.ceil((1.3 * count * text.length) / characters));
    return tasksOf(path, text, share, seed);
  });
  const kept = [...new Map(cut.map((task) => [task.task.task_id, task])).values()];
  kept.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return { tasks: kept.slice(0, count), files: texts.length };
}

function tasksOf(path: string, text: string, count: number, seed: number): CutTask[] {
  const source = new PythonSource(text);
  const random = new SeededRandom("infilling", seed, path);
  const tasks: CutTask[] = [];
  for (let attempt = 0; attempt < count * ATTEMPTS_PER_TASK && tasks.length < count; attempt++) {
    const middle = source.draw(random);
    if (middle === null) break;
    const task = taskOf(path, source, middle);
    const rank = createHash("sha1").update(`${seed}\n${task.task_id}\n${task.canonical_solution}`).digest("hex");
    tasks.push({ kind: middle.kind, task, rank });
  }
  return tasks;
}

function taskOf(path: string, source: PythonSource, { kind, start, end }: Middle): InfillingTask {
  const { text } = source;
  const from = windowStart(source, start);
  const to = windowEnd(source, end);
  const line = countLines(text, start);
  const column = start - text.lastIndexOf("\n", start - 1);
  return {
    task_id: `${kind}/${path}:${line}.${column}`,
    prompt: text.slice(from, start),
    suffix: text.slice(end, to),
    canonical_solution: text.slice(start, end),
  };
}

/** The first top-level statement that is near enough; that of the middle itself however long it is. */
function windowStart({ text, topLevel }: PythonSource, start: number): number {
  if (start <= PROMPT_CHARACTERS) return 0;
  const near = topLevel.find(({ from, to }) => from >= start - PROMPT_CHARACTERS || to > start);
  return Math.min(near?.from ?? 0, text.lastIndexOf("\n", start - 1) + 1);
}

function windowEnd({ text, topLevel }: PythonSource, end: number): number {
  if (text.length - end <= SUFFIX_CHARACTERS) return text.length;
  const near = topLevel.findLast(({ from, to }) => from < end || to <= end + SUFFIX_CHARACTERS);
  const newline = text.indexOf("\n", Math.max(end, near?.to ?? text.length));
  return newline < 0 ? text.length : newline + 1;
}

function countLines(text: string, position: number): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < position; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
