import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as v from "valibot";
import type { EnginePlan } from "../protocol/engine";
import { RUN_VERSION, type RunSpec } from "../protocol/run";
import type { NewRun } from "./runDirectory";
import { RunError } from "./runError";
import { parseRunSpec } from "./runSpec";

export interface ForecastRequest {
  engine: string;
  run: NewRun;
  /** Of one pass over the data, which need not be prepared. */
  trainTokens: number;
  evalTokens: number;
  /** Where earlier runs are looked for whose speed is known; null: there are none. */
  runsFolder: string | null;
  signal?: AbortSignal;
}

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const planSchema = v.object({
  device: v.string(),
  deviceName: v.string(),
  why: v.string(),
  memoryTotal: amount,
  memoryFree: amount,
  usableBytes: amount,
  recompute: v.picklist(["none", "gate-up", "block"]),
  microBatch: amount,
  forecastBytes: amount,
  parameters: amount,
  trainableParameters: amount,
  steps: amount,
  tokens: amount,
  tokensPerSecond: amount,
  measured: v.boolean(),
  seconds: amount,
});

/** What the run would take where it were started now. Throws the engine's sentence where it could not be. */
export async function forecastRun(request: ForecastRequest): Promise<EnginePlan> {
  const { engine, run, signal } = request;
  // The engine reads run.json; the run itself is not made before it is started.
  const directory = await mkdtemp(join(tmpdir(), "tunesmith-forecast-"));
  try {
    const spec: RunSpec = { version: RUN_VERSION, id: "forecast", createdAt: new Date().toISOString(), ...run };
    parseRunSpec(spec, "The run");
    await writeFile(join(directory, "run.json"), JSON.stringify(spec));
    const args = ["plan", "--run", directory, "--runs", request.runsFolder ?? directory];
    args.push("--tokens", whole(request.trainTokens, 1), "--eval-tokens", whole(request.evalTokens, 0), "--json");
    const { stdout } = await promisify(execFile)(engine, args, signal === undefined ? {} : { signal });
    return v.parse(planSchema, JSON.parse(stdout));
  } catch (error) {
    signal?.throwIfAborted();
    throw new RunError(sentenceOf(error, engine));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function whole(value: number, least: number): string {
  return String(Math.max(least, Math.round(value)));
}

/** The engine's last words, else what kept it from speaking. */
function sentenceOf(error: unknown, engine: string): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  const said = stderr?.split("\n").find((line) => line.startsWith("tunesmith-engine: "));
  if (said !== undefined) return said.replace("tunesmith-engine: ", "").trim();
  if (error instanceof RunError) return error.message;
  return `${engine} gave no forecast: ${message?.split("\n")[0] ?? "it said nothing"}`;
}
