import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EngineMeasuring } from "../protocol/engine";
import type { DataSummary } from "../protocol/webview";
import { ForecastRefused, forecastRun } from "./forecast";
import type { NewRun } from "./runDirectory";
import { newRun, temporaryFolder } from "./testing/testRun";

const plan = {
  device: "cuda:0",
  deviceName: "NVIDIA H100 80GB HBM3",
  why: "",
  memoryTotal: 85e9,
  memoryFree: 84e9,
  usableBytes: 82e9,
  recompute: "none",
  microBatch: 8,
  forecastBytes: 30e9,
  weightBytes: 20e9,
  adapterBytes: 1e9,
  savedBytes: 6e9,
  workingBytes: 2e9,
  headBytes: 1e9,
  scratchBytes: 0,
  parameters: 1.2e9,
  trainableParameters: 11e6,
  maxPositions: 131_072,
  steps: 100,
  tokens: 1e6,
  tokensPerSecond: 40_000,
  measured: false,
  seconds: 30,
  startSeconds: 2,
  trainingSeconds: 20,
  evaluationSeconds: 4,
  answerSeconds: 3,
  checkpointSeconds: 1,
};

/** An engine that answers `plan` with this shell script. */
function engineThat(script: string): { engine: string; folder: string } {
  const folder = temporaryFolder();
  const engine = join(folder, "engine.sh");
  writeFileSync(engine, `#!/bin/sh\n${script}\n`);
  chmodSync(engine, 0o755);
  return { engine, folder };
}
const request = (engine: string) => ({
  engine,
  run: newRun(),
  trainTokens: 1000.4,
  evalTokens: 0,
  runsFolder: "/runs",
});
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith("tunesmith-forecast-"));

describe("forecastRun", () => {
  it("asks the engine with the run as it would be, and leaves nothing behind", async () => {
    const { engine, folder } = engineThat(
      `echo "$@" > "$(dirname "$0")/args"; cp "$3/run.json" "$(dirname "$0")/run.json"; echo '${JSON.stringify(plan)}'`,
    );
    const before = leftovers();
    expect(await forecastRun(request(engine))).toEqual(plan);
    expect(readFileSync(join(folder, "args"), "utf8")).toMatch(
      /^plan --run \S+ --runs \/runs --tokens 1000 --eval-tokens 0 --json\n$/,
    );
    expect(JSON.parse(readFileSync(join(folder, "run.json"), "utf8"))).toMatchObject(newRun());
    expect(leftovers()).toEqual(before);
  });

  it("says what is known of the data, and tells how far measuring is", async () => {
    const measured = { ...plan, calibrated: true, measuredBytes: 29e9 };
    const { engine, folder } = engineThat(
      `echo "$@" > "$(dirname "$0")/args"; echo '{"stage":"loading","fraction":0}'; echo '{"stage":"steps","fraction":0.5}'
      echo '${JSON.stringify(measured)}'`,
    );
    const told: EngineMeasuring[] = [];
    const answer = await forecastRun({
      ...request(engine),
      packed: { sequenceLength: newRun().sequenceLength, packing: true, train: 7, longest: 90 },
      documentTokens: 120.2,
      trainTargets: 400,
      answers: { prompts: 3, tokens: 96 },
      rowTokens: { prompt: 40.4, answer: 61 },
      onMeasuring: (progress) => told.push(progress),
    });
    expect(answer).toEqual(measured);
    expect(told).toEqual([
      { stage: "loading", fraction: 0 },
      { stage: "steps", fraction: 0.5 },
    ]);
    expect(readFileSync(join(folder, "args"), "utf8")).toMatch(
      / --sequences 7 --document-tokens 120 --targets 400 --answers 3 --answer-tokens 96 --row-prompt 40 --row-answer 61 --measure --json\n$/,
    );
  });

  it("keeps to itself how many sequences there are with other settings", async () => {
    const { engine, folder } = engineThat(`echo "$@" > "$(dirname "$0")/args"; echo '${JSON.stringify(plan)}'`);
    const run = newRun();
    const { sequenceLength } = run;
    const apart = { ...run, dataset: { ...run.dataset, packing: false } };
    const asked = async (asks: NewRun, packed: DataSummary["packed"]) => {
      await forecastRun({ ...request(engine), run: asks, packed });
      return readFileSync(join(folder, "args"), "utf8");
    };
    const counted = { sequenceLength, train: 7, longest: 90 };
    const longer = { ...counted, packing: true, sequenceLength: sequenceLength * 2 };
    expect(await asked(run, longer)).not.toContain("--sequences");
    expect(await asked(run, { ...counted, packing: false })).not.toContain("--sequences");
    expect(await asked(apart, { ...counted, packing: true })).not.toContain("--sequences");
    expect(await asked(apart, { ...counted, packing: false })).toContain("--sequences 7");
  });

  it("goes by the longest row where rows are not packed", async () => {
    const { engine, folder } = engineThat(
      `cp "$3/run.json" "$(dirname "$0")/run.json"; echo '${JSON.stringify(plan)}'`,
    );
    const run = newRun();
    const { sequenceLength } = run;
    const lengthAsked = async (packing: boolean, longest: number) => {
      const asks = { ...run, dataset: { ...run.dataset, packing } };
      const packed = { sequenceLength, packing, train: 7, longest };
      await forecastRun({ ...request(engine), run: asks, packed });
      return JSON.parse(readFileSync(join(folder, "run.json"), "utf8")).sequenceLength;
    };
    expect(await lengthAsked(false, 90)).toBe(90);
    expect(await lengthAsked(false, 9)).toBe(16);
    expect(await lengthAsked(true, 90)).toBe(sequenceLength);
  });

  it("passes on the changes that would make it fit", async () => {
    const fixes = [{ changes: [{ field: "training.recompute", value: "block" }], bytes: 3e9 }];
    const error = {
      code: "memory-insufficient",
      message: "The run needs 9 GiB.",
      fixes,
      leastBytes: 9e9,
      usableBytes: 4e9,
    };
    const { engine } = engineThat(
      `echo '${JSON.stringify({ error })}'; echo "tunesmith-engine: The run needs 9 GiB." >&2; exit 1`,
    );
    const failure = await forecastRun(request(engine)).catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(ForecastRefused);
    expect(failure).toMatchObject({ message: error.message, fixes, memory: { least: 9e9, usable: 4e9 } });
  });

  it("goes by the sentence alone where the changes are none that it knows", async () => {
    const fixes = [{ changes: [{ field: "device", value: "rm -rf" }], bytes: 3e9 }];
    const error = { code: "memory-insufficient", message: "Another.", fixes };
    const { engine } = engineThat(
      `echo '${JSON.stringify({ error })}'; echo "tunesmith-engine: The run needs 9 GiB." >&2; exit 1`,
    );
    const failure = await forecastRun(request(engine)).catch((reason: unknown) => reason);
    expect(failure).not.toBeInstanceOf(ForecastRefused);
    expect(failure).toMatchObject({ message: "The run needs 9 GiB." });
  });

  it("passes on the engine's sentence", async () => {
    const { engine } = engineThat(`echo "tunesmith-engine: The run needs 9 GiB." >&2; exit 1`);
    await expect(forecastRun(request(engine))).rejects.toThrow(/^The run needs 9 GiB\.$/);
  });

  it.each(["echo nonsense", "echo '{}'", "exit 3"])("says so where the engine gives none: %s", async (script) => {
    const { engine } = engineThat(script);
    await expect(forecastRun(request(engine))).rejects.toThrow("gave no forecast");
  });

  it("says so where there is no engine", async () => {
    await expect(forecastRun(request("/absent/engine"))).rejects.toThrow("/absent/engine gave no forecast");
  });

  it("ends the engine when it is no longer wanted", async () => {
    const { engine, folder } = engineThat(`touch "$(dirname "$0")/begun"; exec sleep 30`);
    const wanted = new AbortController();
    const asked = forecastRun({ ...request(engine), signal: wanted.signal });
    const failure = expect(asked).rejects.toThrow(/abort/i);
    while (!existsSync(join(folder, "begun"))) await new Promise((resolve) => setTimeout(resolve, 5));
    wanted.abort();
    await failure;
  });
});
