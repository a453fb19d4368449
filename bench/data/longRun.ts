/** A run as the engine would leave it after very many steps, for what has to bear its length. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRun, runPaths } from "../../src/run/runDirectory";
import { defaultHeldOut, defaultSettings } from "../../src/run/runSpec";

/** Milliseconds between two steps. */
const STEP_MS = 41;

export function stepEvent(step: number, time: number): object {
  const loss = 1 + 2 * Math.exp(-step / 2e4) + Math.random() / 4;
  const figures = { learningRate: 2e-4 * (1 - step / 2e5), gradientNorm: 0.5 + Math.random(), seconds: 0.041 };
  return { type: "step", time, attempt: 1, step, loss, tokens: 4096, targets: 1900, ...figures };
}

function eventsOf(steps: number): string {
  const begun = Date.now() - steps * STEP_MS;
  const started = { engine: "bench", pid: 1, device: "cuda:0", threads: 1, resumedFrom: 0, totalSteps: steps * 2 };
  const lines: object[] = [{ type: "start", time: begun, attempt: 1, ...started }];
  for (let step = 1; step <= steps; step++) {
    const time = begun + step * STEP_MS;
    lines.push(stepEvent(step, time));
    const gpu = {
      tokensPerSecond: 9e4,
      memoryUsed: 3e10,
      memoryTotal: 8e10,
      utilisation: 98,
      temperature: 66,
      watts: 600,
    };
    if (step % 25 === 0) lines.push({ type: "telemetry", time, attempt: 1, step, ...gpu });
    if (step % 500 === 0) lines.push({ type: "eval", time, attempt: 1, step, loss: 1.5, targets: 9000 });
    if (step % 1000 === 0) lines.push({ type: "checkpoint", time, attempt: 1, step, path: `checkpoints/step-${step}` });
  }
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** Its directory, in the workspace `folder`. */
export async function writeLongRun(folder: string, steps: number): Promise<string> {
  const dataset = { path: "/data/rows.jsonl", format: "auto", template: "auto", heldOut: defaultHeldOut } as const;
  const { directory } = await createRun(join(folder, ".tunesmith", "runs"), {
    name: "bench",
    model: { path: "/models/bench", quantization: "none" },
    dataset: { ...dataset, maxTrainRows: null, maxEvalRows: null },
    ...defaultSettings(),
  });
  writeFileSync(runPaths(directory).events, eventsOf(steps));
  return directory;
}
