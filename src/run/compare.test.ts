import { describe, expect, it } from "vitest";
import type { SettingKey } from "../protocol/compareView";
import { RUN_VERSION, type RunSpec } from "../protocol/run";
import { type ComparedSpec, compareSettings, heldOutDiffers } from "./compare";
import type { NewRun } from "./runDirectory";
import { newRun } from "./testing/testRun";

const run = (changes: Partial<NewRun> = {}, contents: string | null = "abc"): ComparedSpec => {
  const spec: RunSpec = {
    version: RUN_VERSION,
    id: "a",
    createdAt: "2026-11-22T18:12:03.000Z",
    ...newRun(changes),
  };
  return { spec, contents };
};
const differing = (...runs: ComparedSpec[]) =>
  compareSettings(runs)
    .filter(({ differs }) => differs)
    .map(({ key }) => key);

/** Dotted paths of everything that is no object. */
function leaves(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, path === "" ? name : `${path}.${name}`));
}

describe("settings of runs side by side", () => {
  it("leave no field of a run out", () => {
    const earlyStopping = { patience: 3, minDelta: 0.01 };
    const { spec } = run({ training: { ...newRun().training, steps: 5, microBatch: 2, earlyStopping } });
    const identity = ["version", "id", "name", "createdAt"];
    const full: RunSpec = {
      ...spec,
      model: { ...spec.model, adapter: "/runs/a/adapter" },
      parent: { run: "a", step: 10 },
      dataset: {
        ...spec.dataset,
        weight: 2,
        mixture: [{ path: "/data/more.jsonl", format: "auto", weight: 0.5 }],
        maxTrainRows: 1,
        maxEvalRows: 1,
        packing: false,
      },
      memoryBudget: 2 ** 30,
    };
    const known = new Set<string>(compareSettings([{ spec: full, contents: null }]).map(({ key }) => key));
    expect(leaves(full).filter((path) => !identity.includes(path) && !known.has(path))).toEqual([]);
  });

  it("differ in nothing where the runs were asked the same", () => {
    expect(differing(run(), run(), run({ name: "Another name" }))).toEqual([]);
  });

  it("name what differs, with the values in the order of the runs", () => {
    const { optimizer, lora } = newRun();
    const runs = [
      run(),
      run({ optimizer: { ...optimizer, learningRate: 5e-4 } }),
      run({ lora: { ...lora, rank: 8, targets: [...lora.targets].reverse() } }),
    ];
    expect(differing(...runs)).toEqual(["lora.rank", "optimizer.learningRate"] satisfies SettingKey[]);
    expect(compareSettings(runs).find(({ key }) => key === "lora.rank")?.values).toEqual([16, 16, 8]);
  });

  it("tell an added data set from a changed weight", () => {
    const { dataset } = newRun();
    const mixed = (weight: number, path = "/data/more.jsonl") =>
      run({ dataset: { ...dataset, mixture: [{ path, format: "alpaca", fields: { answer: "a" }, weight }] } });
    expect(differing(mixed(1), mixed(2))).toEqual(["dataset.mixture.weight"]);
    expect(differing(mixed(1), mixed(1, "/data/other.jsonl"))).toEqual(["dataset.mixture"]);
    const [row] = compareSettings([mixed(1)]).filter(({ key }) => key === "dataset.mixture");
    expect(row?.values).toEqual(["/data/more.jsonl (alpaca; answer: a)"]);
  });

  it("tell samples for completion by their share and where they were cut", () => {
    const { dataset } = newRun();
    const mixed = (share: number, folder: string | null) =>
      run({ dataset: { ...dataset, completion: { share, answers: true, folder } } });
    expect(differing(mixed(0.2, null), mixed(0.5, null))).toEqual(["dataset.completion.share"]);
    const rows = compareSettings([mixed(0.2, null), mixed(0.2, "/code")]);
    expect(rows.find(({ key }) => key === "dataset.completion.from")?.values).toEqual(["answers", "answers, /code"]);
  });

  it("leave out what no run sets, and keep what one of them does", () => {
    const { dataset } = newRun();
    const none = run({ dataset: { ...dataset, heldOut: { kind: "none" } } });
    const keys = compareSettings([none]).map(({ key }) => key);
    expect(keys).toContain("dataset.heldOut.kind");
    expect(keys).not.toContain("dataset.heldOut.fraction");
    expect(compareSettings([none, run()]).find(({ key }) => key === "dataset.heldOut.fraction")?.values).toEqual([
      null,
      0.1,
    ]);
  });

  it("tell a changed data set under the same path, but not one that is not prepared", () => {
    expect(differing(run({}, "abc"), run({}, "def"))).toEqual(["dataset.contents"]);
    expect(differing(run({}, "abc"), run({}, null))).toEqual([]);
  });
});

it("packing is on where run.json does not say it", () => {
  const { dataset } = newRun();
  const off = run({ dataset: { ...dataset, packing: false } });
  const on = run({ dataset: { ...dataset, packing: true } });
  expect(differing(run(), on)).toEqual([]);
  expect(differing(run(), off)).toEqual(["dataset.packing"]);
  const [row] = compareSettings([run(), off]).filter(({ key }) => key === "dataset.packing");
  expect(row?.values).toEqual(["on", "off"]);
});

describe("held-out losses", () => {
  const { training, dataset, optimizer } = newRun();
  const differ = (...runs: ComparedSpec[]) => heldOutDiffers(compareSettings(runs));

  it("can be compared where only the training differs", () => {
    expect(differ(run(), run({ optimizer: { ...optimizer, learningRate: 1e-5 } }))).toBe(false);
    const mixed = (weight: number) =>
      run({ dataset: { ...dataset, mixture: [{ path: "/data/more.jsonl", format: "auto", weight }] } });
    expect(differ(mixed(1), mixed(2))).toBe(false);
    expect(differ(run(), run({ dataset: { ...dataset, packing: false } }))).toBe(false);
  });

  it("cannot where other rows are held out", () => {
    expect(differ(run(), run({ training: { ...training, seed: 1 } }))).toBe(true);
    expect(differ(run(), run({ model: { path: "/models/other", quantization: "none" } }))).toBe(true);
    expect(differ(run({}, "abc"), run({}, "def"))).toBe(true);
    const mixture = [{ path: "/data/more.jsonl", format: "auto", weight: 1 }];
    expect(differ(run(), run({ dataset: { ...dataset, mixture } }))).toBe(true);
  });

  it("can where a file is held out, whatever the seed", () => {
    const heldOut = { kind: "file", path: "/data/eval.jsonl" } as const;
    const file = (seed: number) => run({ dataset: { ...dataset, heldOut }, training: { ...training, seed } });
    expect(differ(file(0), file(1))).toBe(false);
  });
});
