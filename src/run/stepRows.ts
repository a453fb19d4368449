import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as v from "valibot";
import type { StepRowsReport } from "../protocol/rowsView";
import { readManifest } from "./dataManifest";
import { readSources } from "./rowLosses";
import { RunError } from "./runError";

/** A step of 4,096 sequences full of short rows. */
const MAX_OUTPUT_BYTES = 1 << 27;
const LISTED = 500;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const schema = v.object({
  step: whole,
  rows: v.array(
    v.object({
      source: whole,
      row: whole,
      tokens: whole,
      targets: whole,
      loss: v.nullable(v.pipe(v.number(), v.finite())),
    }),
  ),
});

/** The rows of a step's batch, the costliest first. Throws the engine's sentence where there is no such step. */
export async function readStepRows(
  directory: string,
  step: number,
  engine: string,
  signal?: AbortSignal,
): Promise<StepRowsReport> {
  const { rows } = await askEngine(directory, step, engine, signal);
  const manifest = await readManifest(directory);
  const listed = rows
    .filter(({ source }) => source < manifest.sources.length)
    .sort((a, b) => (b.loss ?? -1) - (a.loss ?? -1) || a.source - b.source || a.row - b.row)
    .slice(0, LISTED);
  const readings = await readSources(directory, manifest, listed, signal);
  return {
    step,
    sources: manifest.sources.map(({ path }, index) => ({ path, state: readings[index]!.state })),
    total: rows.length,
    rows: listed.map((row) => ({
      ...row,
      step: null,
      preview: readings[row.source]!.previews.get(row.row) ?? "",
    })),
  };
}

async function askEngine(directory: string, step: number, engine: string, signal?: AbortSignal) {
  const args = ["rows", "--run", directory, "--step", String(step), "--json"];
  const options = { maxBuffer: MAX_OUTPUT_BYTES, ...(signal === undefined ? {} : { signal }) };
  try {
    const { stdout } = await promisify(execFile)(engine, args, options);
    return v.parse(schema, JSON.parse(stdout));
  } catch (error) {
    signal?.throwIfAborted();
    const { stderr, message } = error as { stderr?: string; message: string };
    const said = stderr?.split("\n").find((line) => line.startsWith("tunesmith-engine: "));
    if (said !== undefined) throw new RunError(said.replace("tunesmith-engine: ", "").trim());
    throw new RunError(`${engine} did not tell the rows of step ${step}: ${message.split("\n")[0]}`);
  }
}
