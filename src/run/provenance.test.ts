import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
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
import { defaultHeldOut } from "./runSpec";
import { dataSettingChanges, dataSettings, settingChanges } from "./settingChanges";
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

/** As a person edits run.json. */
async function change(edit: (run: RunSpec) => void): Promise<void> {
  const file = runPaths(directory).spec;
  const run = JSON.parse(readFileSync(file, "utf8"));
  edit(run);
  writeFileSync(file, JSON.stringify(run));
  spec = await readRunSpec(directory);
}

const readRecord = () => JSON.parse(readFileSync(join(directory, "provenance.json"), "utf8"));
const writeRecord = (record: object) => writeFileSync(join(directory, "provenance.json"), JSON.stringify(record));

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

  it("sees a byte that the engine's samples leave out, and no copy for another model", async () => {
    const weights = join(model, "model-00001-of-00003.safetensors");
    const bytes = readFileSync(weights);
    writeFileSync(weights, bytes);
    utimesSync(weights, 1, 1);
    expect(await checkProvenance(directory, spec)).toEqual({ changes: [], preparedHolds: true });
    const before = await hashModel(model);
    const between = (16 << 10) + 100;
    bytes[between] = bytes[between]! ^ 1;
    writeFileSync(weights, bytes);
    expect(await hashModel(model)).toBe(before);
    const message = `model-00001-of-00003.safetensors of the base model ${model} has other content than when the run was prepared.`;
    expect(await checkProvenance(directory, spec)).toEqual({
      changes: [{ kind: "model", message }],
      preparedHolds: false,
    });
    // An older run's record has the engine's digest alone.
    const { weights: _weights, settings: _settings, ...older } = readRecord();
    writeRecord(older);
    expect(await changes()).toEqual([]);
  });

  it("can be cancelled while it reads the weights, and tells how far it is", async () => {
    utimesSync(join(model, "model-00001-of-00003.safetensors"), 1, 1);
    const fractions: (number | null)[] = [];
    const abort = new AbortController();
    const progress = (_stage: string, fraction: number | null) => {
      fractions.push(fraction);
      abort.abort();
    };
    await expect(checkProvenance(directory, spec, { signal: abort.signal, progress })).rejects.toThrow();
    expect(fractions).toHaveLength(1);
    expect(fractions[0]).toBeLessThan(1);
  });

  it("takes the name of a file in a cache of the Hub for its checksum", async () => {
    const sha256 = "0123456789abcdef".repeat(4);
    const blobs = join(model, "blobs");
    mkdirSync(blobs);
    const name = "model-00003-of-00003.safetensors";
    renameSync(join(model, name), join(blobs, sha256));
    symlinkSync(join(blobs, sha256), join(model, name));
    await (await noteProvenance(directory, spec))();
    expect(readRecord().weights.find((file: { name: string }) => file.name === name)).toMatchObject({ sha256 });
    expect(readRecord().weights).toHaveLength(3);
  });

  it("names every setting of the data that differs from the preparation's", async () => {
    await change((run) => {
      run.dataset.weight = 2;
      run.dataset.heldOut = { ...defaultHeldOut, fraction: 0.2 } as RunSpec["dataset"]["heldOut"];
      run.dataset.template = "chatml";
      run.dataset.maxTrainRows = 5;
      run.dataset.packing = false;
      run.dataset.completion = { share: 0.5, answers: true, folder: null };
      run.training.seed = 7;
    });
    const messages = [
      "training.seed was 0 and is 7 in run.json.",
      "dataset.weight was 1 and is 2 in run.json.",
      'dataset.completion was null and is {"share":0.5,"answers":true,"folder":null} in run.json.',
      'dataset.template was "auto" and is "chatml" in run.json.',
      "dataset.heldOut.fraction was 0.1 and is 0.2 in run.json.",
      "dataset.maxTrainRows was null and is 5 in run.json.",
      "dataset.packing was not set and is false in run.json.",
    ];
    expect(await checkProvenance(directory, spec)).toEqual({
      changes: messages.map((message) => ({ kind: "settings", message })),
      preparedHolds: false,
    });
  });

  it("says once what differs from the checkpoint's settings as well", async () => {
    await addCheckpoint(5);
    await change((run) => {
      run.sequenceLength = 64;
    });
    expect((await changes()).map(({ message }) => message)).toEqual(["sequenceLength was 128 and is 64 in run.json."]);
  });

  it("compares nothing that an older record does not hold, and takes defaults for what is left out", async () => {
    await change((run) => {
      run.dataset.weight = 1;
      run.dataset.mixture = [];
      run.dataset.packing = true;
    });
    expect(await changes()).toEqual([]);
    await change((run) => {
      run.dataset.weight = 2;
    });
    const { settings: _settings, ...older } = readRecord();
    writeRecord(older);
    expect(await changes()).toEqual([]);
  });

  it("names every setting that differs from the newest checkpoint's", async () => {
    await addCheckpoint(5, { ...spec, sequenceLength: 64 });
    await addCheckpoint(20);
    await change((run) => {
      run.optimizer.learningRate = 0.5;
      run.lora.alpha = 8;
      run.training.evalEvery = 7;
    });
    expect(await checkProvenance(directory, spec)).toEqual({
      changes: [
        { kind: "settings", message: "lora.alpha was 32 and is 8 in run.json." },
        { kind: "settings", message: "optimizer.learningRate was 0.001 and is 0.5 in run.json." },
      ],
      preparedHolds: false,
    });
  });
});

describe("the folder that samples for completion are cut from", () => {
  let python: string;
  const data = (message: string) => ({ changes: [{ kind: "data", message }], preparedHolds: true });

  beforeEach(async () => {
    await prepared();
    python = join(temporaryFolder(), "python");
    mkdirSync(join(python, "sub"), { recursive: true });
    for (const name of ["a.py", "sub/b.py", "notes.txt"]) writeFileSync(join(python, name), "x = 1\n");
    await change((run) => {
      run.dataset.completion = { share: 0.5, answers: true, folder: python };
    });
    await (await noteProvenance(directory, spec))();
  });

  it("may be written again with the same content", async () => {
    expect(await changes()).toEqual([]);
    utimesSync(join(python, "a.py"), 1, 1);
    writeFileSync(join(python, "notes.txt"), "other");
    expect(await changes()).toEqual([]);
  });

  it("has other files, other content, or is gone", async () => {
    writeFileSync(join(python, "a.py"), "x = 2\n");
    utimesSync(join(python, "a.py"), 1, 1);
    expect(await checkProvenance(directory, spec)).toEqual(
      data(`The Python files in ${python} have other content than when the run was prepared.`),
    );
    rmSync(join(python, "a.py"));
    expect(await checkProvenance(directory, spec)).toEqual(
      data(`${python} has 1 Python file, 2 when the run was prepared.`),
    );
    rmSync(python, { recursive: true });
    expect(await checkProvenance(directory, spec)).toEqual(
      data(`The folder ${python} is not there, or cannot be read.`),
    );
  });

  it("is another setting where another one is named", async () => {
    await change((run) => {
      run.dataset.completion!.folder = "/elsewhere";
    });
    expect((await changes()).map(({ kind }) => kind)).toEqual(["settings"]);
  });
});

it("names the data set of a mixture that is weighed otherwise", () => {
  const { dataset } = newRun();
  const of = (weights: number[]) =>
    ({
      ...newRun(),
      dataset: { ...dataset, mixture: weights.map((weight) => ({ path: "/m.jsonl", format: "auto", weight })) },
    }) as RunSpec;
  expect(dataSettingChanges(dataSettings(of([1, 1])), of([1, 3]))).toEqual([
    "dataset.mixture.1.weight was 1 and is 3 in run.json.",
  ]);
  expect(dataSettingChanges(dataSettings(of([1])), of([]))[0]).toContain("dataset.mixture was [");
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
