import type { Completer, Completion } from "../../completion-worker/completer";
import { codeAlone } from "../../completion-worker/question";
import { loadPythonParser, parsePython } from "../../dataset/checks/python/parser";
import { PREFIX_CHARACTERS, SUFFIX_CHARACTERS } from "../../extension/completion/completionText";
import { scanPython } from "../../extension/completion/pythonScan";
import { whatIsWanted } from "../../extension/completion/whatIsWanted";
import type { CodeQuestion } from "../../protocol/worker";
import { editSimilarity } from "../metrics/editSimilarity";
import type { CompletionTask } from "./readTasks";

/** How well a model fills gaps: asked as the editor asks, judged against what stood there. */

/** Shares are from 0 to 1. */
export interface CompletionFigures {
  tasks: number;
  /** The completion is the solution, white space at its end aside. */
  exactMatch: number;
  /** Mean over the tasks, as in src/evaluation/metrics. */
  editSimilarity: number;
  /** The whole file parses, of the files that parse with their own solution; null: none does. */
  parseRate: number | null;
  /** It ended by itself: neither cut off at the most tokens nor because it repeated itself. */
  stopRate: number;
  /** From the question to the first token; each question is about another file, so that little is in the cache. */
  firstTokenMs: { p50: number; p95: number };
}

export interface JudgedCompletion {
  task_id: string;
  completion: string;
  exact: boolean;
  similarity: number;
  /** Null: the file does not parse with its own solution either, or is too long for the parser. */
  parses: boolean | null;
  stop: Completion["stop"];
  mode: Completion["mode"];
  generatedTokens: number;
  firstTokenMs: number;
  totalMs: number;
}

export interface EvaluateCompletionOptions {
  maxTokens: number;
  signal?: AbortSignal | undefined;
  onTask?(judged: JudgedCompletion, done: number): void | Promise<void>;
}

/** The parser leaves longer sources alone. */
const LONGEST_PARSED = 100_000;

/** Completes the tasks one after the other, in their order. */
export async function evaluateCompletion(
  completer: Pick<Completer, "complete">,
  tasks: readonly CompletionTask[],
  options: EvaluateCompletionOptions,
): Promise<CompletionFigures> {
  await loadPythonParser();
  const judged: JudgedCompletion[] = [];
  for (const task of tasks) {
    options.signal?.throwIfAborted();
    const { question, lead } = questionOf(task, options.maxTokens);
    const completion = await completer.complete(question, options.signal);
    const result = judge(task, { ...completion, text: lead + completion.text });
    judged.push(result);
    await options.onTask?.(result, judged.length);
  }
  return figuresOf(judged);
}

/**
 * What the editor asks for a cursor in the gap where a completion is called for: it knows the text around, and nothing of
 * the solution. `lead`: what it puts in front of the answer, behind a docstring the next line's indentation.
 */
export function questionOf(task: CompletionTask, maxTokens: number): { question: CodeQuestion; lead: string } {
  const prefix = task.prefix.slice(-PREFIX_CHARACTERS);
  const suffix = task.suffix.slice(0, SUFFIX_CHARACTERS);
  const scan = scanPython(prefix, prefix.length === task.prefix.length);
  const wanted = whatIsWanted({ prefix, suffix }, scan, { invoked: true, instruction: false });
  const lead = wanted.kind === "nothing" ? "" : wanted.lead;
  const multiline = wanted.kind === "block";
  return { question: codeAlone({ prefix: prefix + lead, suffix, multiline, maxTokens }), lead };
}

function judge({ id, prefix, suffix, solution }: CompletionTask, completion: Completion): JudgedCompletion {
  const { text, stop, mode, generatedTokens, firstTokenMs, totalMs } = completion;
  return {
    task_id: id,
    completion: text,
    exact: text.trimEnd() === solution.trimEnd(),
    similarity: editSimilarity(text, solution),
    parses: isParsed(prefix + solution + suffix) ? isParsed(prefix + text + suffix) : null,
    stop,
    mode,
    generatedTokens,
    firstTokenMs,
    totalMs,
  };
}

function isParsed(source: string): boolean {
  return source.length <= LONGEST_PARSED && parsePython(source).length === 0;
}

export function figuresOf(judged: readonly JudgedCompletion[]): CompletionFigures {
  const parsing = judged.filter(({ parses }) => parses !== null);
  const waits = judged.map(({ firstTokenMs }) => firstTokenMs).sort((a, b) => a - b);
  return {
    tasks: judged.length,
    exactMatch: share(judged, ({ exact }) => exact),
    editSimilarity: judged.reduce((sum, { similarity }) => sum + similarity, 0) / judged.length,
    parseRate: parsing.length === 0 ? null : share(parsing, ({ parses }) => parses === true),
    stopRate: share(judged, ({ stop }) => stop !== "length" && stop !== "repeat"),
    firstTokenMs: { p50: percentile(waits, 0.5), p95: percentile(waits, 0.95) },
  };
}

function share<T>(all: readonly T[], fits: (item: T) => boolean): number {
  return all.filter(fits).length / all.length;
}

/** Nearest rank, of ascending values. */
function percentile(values: readonly number[], part: number): number {
  return values[Math.max(0, Math.ceil(part * values.length) - 1)]!;
}
