import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { prepareRun } from "../dataset/prepare";
import type { RunSpec } from "../protocol/run";
import { hashFile, hashModel } from "./contentHash";
import { checkProvenance, newestCheckpoint, noteProvenance } from "./provenance";
import { createRun, readRunSpec, runPaths } from "./runDirectory";
import { settingChanges } from "./settingChanges";
import { tinyPython, writeRows } from "./testing/engine";
import { newRun, temporaryFolder } from "./testing/testRun";

let dataset: string;
let model: string;
let directory: string;
let spec: RunSpec;

async function prepared(): Promise<void> {
  const folder = temporaryFolder();
  dataset = writeRows(join(folder, "python.jsonl"), 12);
  model = join(folder, "model");
  cpSync(tinyPython, model, { recursive: true });
  const run = newRun({ model: { path: model, quantization: "none" }, sequenceLength: 128 });
  const created = await createRun(join(folder, "runs"), { ...run, dataset: { ...run.dataset, path: dataset } });
  directory = created.directory;
  spec = created.spec;
  const writeDown = await noteProvenance(directory, spec);
  await prepareRun(spec, directory);
  await writeDown();
}

const changes = async () => (await checkProvenance(directory, spec)).changes;

/** As the engine leaves one, as far as the comparison reads it. */
async function addCheckpoint(step: number, settings: object = spec): Promise<void> {
  const folder = join(runPaths(directory).checkpoints, `step-${step}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "state.json"), JSON.stringify({ settings, model: await hashModel(model) }));
}

describe("checkProvenance", () => {
  beforeEach(prepared);

  it("finds nothing in a run that nobody has touched", async () => {
    expect(await checkProvenance(directory, spec)).toEqual({ changes: [], preparedHolds: true });
    await addCheckpoint(5);
    expect(await changes()).toEqual([]);
  });

  it("does not mind a data set that was written again with the same content", async () => {
    const content = readFileSync(dataset);
    rmSync(dataset);
    writeFileSync(dataset, content);
    utimesSync(dataset, 1, 1);
    expect(await changes()).toEqual([]);
  });

  it("counts the rows that have come", async () => {
    appendFileSync(dataset, '{"instruction":"New","input":"","output":"pass"}\n\n');
    expect(await checkProvenance(directory, spec)).toEqual({
      changes: [{ kind: "data", message: "python.jsonl has 13 rows, 12 when the run was prepared." }],
      preparedHolds: true,
    });
  });

  it("sees other content of the same length and time", async () => {
    const { atime, mtime } = await import("node:fs").then((fs) => fs.statSync(dataset));
    writeFileSync(dataset, readFileSync(dataset, "utf8").replace("Return 3.", "Return 4."));
    expect((await changes())[0]?.message).toContain("python.jsonl has other content");
    // Without the note of preparation the content decides.
    rmSync(join(directory, "provenance.json"));
    utimesSync(dataset, atime, mtime);
    expect((await changes())[0]?.message).toContain("python.jsonl has other content");
  });

  it("says that a data set is gone; what was prepared still holds", async () => {
    renameSync(dataset, `${dataset}.moved`);
    const check = await checkProvenance(directory, spec);
    expect(check.changes[0]?.message).toMatch(/^python\.jsonl is no longer in \/.+\/\.$/);
    expect(check.preparedHolds).toBe(true);
  });

  it("refuses another base model and another tokenizer", async () => {
    const weights = join(model, "model-00001-of-00003.safetensors");
    const bytes = readFileSync(weights);
    bytes[0] = bytes[0]! ^ 1;
    writeFileSync(weights, bytes);
    expect(await checkProvenance(directory, spec)).toEqual({
      changes: [{ kind: "model", message: `The files of the base model ${model} have changed.` }],
      preparedHolds: false,
    });
    bytes[0] = bytes[0]! ^ 1;
    writeFileSync(weights, bytes);
    appendFileSync(join(model, "tokenizer.json"), "\n");
    expect(await changes()).toEqual([
      { kind: "tokenizer", message: `The tokenizer ${join(model, "tokenizer.json")} has changed.` },
    ]);
    rmSync(model, { recursive: true });
    expect((await changes()).map(({ kind }) => kind)).toEqual(["model"]);
  });

  it("names every setting that differs from the newest checkpoint's", async () => {
    await addCheckpoint(5, { ...spec, sequenceLength: 64 });
    await addCheckpoint(20);
    const file = runPaths(directory).spec;
    const run = JSON.parse(readFileSync(file, "utf8"));
    run.optimizer.learningRate = 0.5;
    run.lora.alpha = 8;
    run.training.evalEvery = 7;
    writeFileSync(file, JSON.stringify(run));
    spec = await readRunSpec(directory);
    expect(await checkProvenance(directory, spec)).toEqual({
      changes: [
        { kind: "settings", message: "lora.alpha was 32 and is 8 in run.json." },
        { kind: "settings", message: "optimizer.learningRate was 0.001 and is 0.5 in run.json." },
      ],
      preparedHolds: false,
    });
  });
});

it("goes on from the checkpoint with the highest step", async () => {
  const { directory: run } = await createRun(join(temporaryFolder(), "runs"), newRun());
  expect(await newestCheckpoint(run)).toBeUndefined();
  const { checkpoints } = runPaths(run);
  for (const name of ["step-9", "step-10", ".step-99.tmp", "step-x", "step--1"]) {
    mkdirSync(join(checkpoints, name), { recursive: true });
  }
  expect(await newestCheckpoint(run)).toEqual({ path: join(checkpoints, "step-10"), step: 10 });
});

it("counts rows as preparation does", async () => {
  const file = join(temporaryFolder(), "rows.jsonl");
  for (const [text, rows] of [
    ["", 0],
    ["\n \n\t\n", 0],
    ["{}", 1],
    ["{}\n\n{}\r\n", 2],
    [`{}\n${"x".repeat(3_000_000)}\n{}`, 3],
  ] as const) {
    writeFileSync(file, text);
    expect((await hashFile(file)).rows).toBe(rows);
  }
});

it("takes absent quantization for none", () => {
  expect(settingChanges({}, { model: { quantization: "none" } })).toEqual([]);
  expect(settingChanges({ model: { quantization: "nf4" } }, { model: { path: "/m" } })).toEqual([
    'model.quantization was "nf4" and is "none" in run.json.',
  ]);
});

it("names another adapter to start from; a fresh one may be left out", () => {
  const from = (adapter?: string) => ({ model: adapter === undefined ? {} : { adapter } });
  expect(settingChanges({}, from())).toEqual([]);
  expect(settingChanges(from("/a"), from("/a"))).toEqual([]);
  expect(settingChanges(from("/a"), from("/b"))).toEqual(['model.adapter was "/a" and is "/b" in run.json.']);
  expect(settingChanges({}, from("/b"))).toEqual(['model.adapter was not set and is "/b" in run.json.']);
  expect(settingChanges(from("/a"), from())).toEqual(['model.adapter was "/a" and is not set in run.json.']);
});
