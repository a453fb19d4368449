import { LineReader } from "../../dataset/lines";
import { parseLine } from "../../dataset/rows";
import { isRecord } from "../../dataset/specialTokens";

/** One gap in a file and what belongs into it, in the layout of HumanEval-infilling (Bavarian et al. 2022). */
export interface CompletionTask {
  id: string;
  /** All text before the cursor, and all after it. */
  prefix: string;
  suffix: string;
  /** What belongs between them. */
  solution: string;
}

/** Names of the benchmark that are read, or that a file may have and that are not needed here. */
const REQUIRED = ["task_id", "prompt", "suffix", "canonical_solution"] as const;
const OPTIONAL = ["test", "entry_point"] as const;
const LONGEST_SHOWN = 60;

/** The first `limit` tasks of a file. Throws one sentence that names file, line and field where a task is malformed. */
export async function readTasks(path: string, limit: number, signal?: AbortSignal): Promise<CompletionTask[]> {
  const tasks: CompletionTask[] = [];
  for await (const lines of new LineReader(path, { hash: false }).batches(signal)) {
    for (const line of lines) {
      const parsed = parseLine(line);
      if (parsed === null) continue;
      const where = `${path}, line ${line.number}`;
      if (parsed.problem !== null) throw new Error(`${where}: ${parsed.problem.message}`);
      tasks.push(taskOf(parsed.value, where));
      if (tasks.length === limit) return tasks;
    }
  }
  if (tasks.length === 0) throw new Error(`${path} is empty: it must hold one task a line.`);
  return tasks;
}

function taskOf(value: unknown, where: string): CompletionTask {
  if (!isRecord(value)) {
    throw new Error(`${where}: a task must be an object with ${REQUIRED.join(", ")}, not ${shown(value)}.`);
  }
  for (const name of REQUIRED) {
    if (typeof value[name] !== "string")
      throw new Error(`${where}: "${name}" must be a text, not ${shown(value[name])}.`);
  }
  for (const name of OPTIONAL) {
    if (value[name] !== undefined && value[name] !== null && typeof value[name] !== "string") {
      throw new Error(`${where}: "${name}" must be a text or absent, not ${shown(value[name])}.`);
    }
  }
  const { task_id, prompt, suffix, canonical_solution } = value as Record<(typeof REQUIRED)[number], string>;
  if (canonical_solution.trim() === "") {
    throw new Error(`${where}: "canonical_solution" is empty: a task needs something to be filled in.`);
  }
  return { id: task_id, ...atCursor(unixLines(prompt), unixLines(canonical_solution), unixLines(suffix)) };
}

/** At a cursor the line goes on to its end: a solution's final newline is part of what follows. */
function atCursor(prefix: string, solution: string, suffix: string): Omit<CompletionTask, "id"> {
  if (!solution.endsWith("\n")) return { prefix, solution, suffix };
  return { prefix, solution: solution.slice(0, -1), suffix: `\n${suffix}` };
}

function unixLines(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

function shown(value: unknown): string {
  const written = value === undefined ? "nothing" : JSON.stringify(value);
  return written.length > LONGEST_SHOWN ? `${written.slice(0, LONGEST_SHOWN)}…` : written;
}
