import { createHash } from "node:crypto";
import { lstat, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { writeAtomically } from "../../disk/atomicWrite";
import { EVALUATION_VERSION, type EvaluatedAnswer, type EvaluationReport } from "../../protocol/evaluation";
import { openPlainFile, readPlainFile } from "../../run/plainFile";
import { runPaths } from "../../run/runDirectory";
import { hasCode, RunError } from "../../run/runError";
import { reportMarkdown } from "./markdown";

/** Where an evaluation lies in a run directory. */
export function evaluationPaths(runDirectory: string) {
  const folder = join(runDirectory, "evaluation");
  return {
    folder,
    report: join(folder, "report.json"),
    answers: join(folder, "answers.jsonl"),
    markdown: join(folder, "report.md"),
  };
}

/** More than any evaluation writes: a larger file is none of ours. */
const MAX_REPORT_BYTES = 1 << 20;
const MAX_ANSWERS_BYTES = 64 << 20;
export const MAX_ANSWERS = 10_000;

const text = v.string();
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const unit = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const share = v.pipe(
  v.object({ count: whole, of: whole }),
  v.check(({ count, of }) => count <= of),
);
const figures = v.object({
  loss: finite,
  ended: share,
  parses: share,
  exact: share,
  similarity: v.nullable(unit),
  tokens: v.nullable(v.pipe(finite, v.minValue(0))),
  passed: v.nullable(share),
});
const tests = v.variant("state", [
  v.object({ state: v.literal("none") }),
  v.object({ state: v.literal("not-asked"), rows: whole }),
  v.object({ state: v.literal("refused"), rows: whole, reason: text }),
  v.object({ state: v.literal("run"), rows: whole, leftOut: whole }),
]);
const reportSchema = v.object({
  version: v.literal(EVALUATION_VERSION),
  createdAt: v.pipe(text, v.isoTimestamp()),
  settings: v.object({ rows: whole, maxTokens: whole, seed: whole }),
  adapter: v.object({ sha256: text, step: v.nullable(whole), early: v.boolean() }),
  instructions: v.object({ heldOut: whole, answered: whole }),
  heldOut: v.object({ targets: whole, documents: whole }),
  base: figures,
  tuned: figures,
  tests,
  seconds: v.pipe(finite, v.minValue(0)),
});
const answer = v.object({
  text,
  ended: v.boolean(),
  tokens: whole,
  exact: v.boolean(),
  similarity: unit,
  parses: v.nullable(v.boolean()),
  passed: v.nullable(v.boolean()),
  failure: v.nullable(text),
});
const answerSchema = v.object({
  file: text,
  row: v.pipe(whole, v.minValue(1)),
  prompt: text,
  expected: text,
  python: v.boolean(),
  base: answer,
  tuned: answer,
});

/** Null where the run has not been evaluated. Throws one sentence where the report cannot be read. */
export async function readReport(runDirectory: string): Promise<EvaluationReport | null> {
  const file = evaluationPaths(runDirectory).report;
  const content = await readIfThere(file, MAX_REPORT_BYTES);
  if (content === null) return null;
  const value = parse(content);
  const version = (value as { version?: unknown } | undefined)?.version;
  if (typeof version === "number" && version > EVALUATION_VERSION) {
    throw new RunError(`${file} is of a newer version of Tunesmith; update the extension, or evaluate again.`);
  }
  const parsed = v.safeParse(reportSchema, value);
  if (!parsed.success) throw new RunError(`${file} is damaged: evaluate the run again.`);
  return parsed.output;
}

/** The answers that can be read, in the file's order; none where there are none. */
export async function readAnswers(runDirectory: string): Promise<EvaluatedAnswer[]> {
  const content = await readIfThere(evaluationPaths(runDirectory).answers, MAX_ANSWERS_BYTES);
  const answers: EvaluatedAnswer[] = [];
  for (const line of (content ?? "").split("\n")) {
    const parsed = v.safeParse(answerSchema, parse(line));
    if (parsed.success) answers.push(parsed.output);
    if (answers.length === MAX_ANSWERS) break;
  }
  return answers;
}

async function readIfThere(file: string, maxBytes: number): Promise<string | null> {
  try {
    return await readPlainFile(file, maxBytes);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return null;
    throw error;
  }
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/**
 * Each file appears whole. The report, which says what the others are of, goes first and comes last: without it there is
 * no evaluation.
 */
export async function writeEvaluation(
  runDirectory: string,
  name: string,
  report: EvaluationReport,
  answers: readonly EvaluatedAnswer[],
): Promise<void> {
  const paths = evaluationPaths(runDirectory);
  await requireOwnFolder(runDirectory);
  await mkdir(paths.folder, { recursive: true });
  await rm(paths.report, { force: true });
  await writeAtomically(paths.answers, answers.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  await writeAtomically(paths.markdown, reportMarkdown(name, report, answers));
  await writeAtomically(paths.report, `${JSON.stringify(report, null, 2)}\n`);
}

/** Throws where `evaluation` is anything but a folder of the run's own: what is written must not go elsewhere. */
export async function requireOwnFolder(runDirectory: string): Promise<void> {
  const { folder } = evaluationPaths(runDirectory);
  const status = await lstat(folder).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  });
  if (status === undefined || status.isDirectory()) return;
  throw new RunError(`${folder} is not a folder of the run's own: take it away, and evaluate the run again.`);
}

/** SHA-256 of the run's adapter; null where it has none. */
export async function adapterSha256(runDirectory: string): Promise<string | null> {
  const hash = createHash("sha256");
  try {
    const handle = await openPlainFile(join(runPaths(runDirectory).adapter, "adapter_model.safetensors"));
    // The stream closes it.
    for await (const chunk of handle.createReadStream()) hash.update(chunk as Buffer);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return null;
    throw error;
  }
  return hash.digest("hex");
}
