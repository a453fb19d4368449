import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../run/testing/testRun";
import { heldOutSetting } from "./heldOutSetting";

function folderWith(...names: string[]): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "held"));
  for (const name of names) writeFileSync(join(folder, name), "{}\n");
  return folder;
}

describe("the held-out file of the settings", () => {
  it("is that of the last glob that fits, seen from the data set", async () => {
    const folder = folderWith("sums.jsonl", "eval.jsonl", "held/rows.jsonl");
    const dataset = join(folder, "sums.jsonl");
    const dataSets = { "*.jsonl": { heldOut: "eval.jsonl" }, "sums.jsonl": { heldOut: "held/rows.jsonl" } };
    expect(await heldOutSetting(dataSets, dataset)).toBe(join(folder, "held", "rows.jsonl"));
    expect(await heldOutSetting(dataSets, join(folder, "other.jsonl"))).toBe(join(folder, "eval.jsonl"));
    expect(await heldOutSetting({ ...dataSets, "**/sums.jsonl": { format: "text" } }, dataset)).toBeUndefined();
  });

  it("is none where it is not there, or the data set itself", async () => {
    const folder = folderWith("eval.jsonl");
    const dataSets = { "*.jsonl": { heldOut: "eval.jsonl" }, "b.jsonl": { heldOut: "gone.jsonl" } };
    expect(await heldOutSetting(dataSets, join(folder, "eval.jsonl"))).toBeUndefined();
    expect(await heldOutSetting(dataSets, join(folder, "b.jsonl"))).toBeUndefined();
    expect(await heldOutSetting({ "*.jsonl": { heldOut: "held" } }, join(folder, "a.jsonl"))).toBeUndefined();
  });

  it.each([undefined, null, [], { "*.jsonl": null }, { "*.jsonl": "eval.jsonl" }, { "*.jsonl": { heldOut: 3 } }])(
    "is none where settings say %j",
    async (dataSets) => {
      expect(await heldOutSetting(dataSets, "/data/a.jsonl")).toBeUndefined();
    },
  );
});
