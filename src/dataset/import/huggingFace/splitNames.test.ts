import { describe, expect, it } from "vitest";
import { splitsOfNames } from "./splitNames";

const splits = (...paths: string[]) => Object.fromEntries(splitsOfNames(paths));

describe("splitsOfNames", () => {
  it("takes the name before the shard's number, whatever it is", () => {
    expect(splits("data/train_sft-00000-of-00002.parquet", "data/gen-00000-of-00001.parquet", "x.parquet")).toEqual({
      "data/train_sft-00000-of-00002.parquet": "train_sft",
      "data/gen-00000-of-00001.parquet": "gen",
    });
  });

  it("finds keywords in folders and names", () => {
    expect(splits("train/a.json", "my_dev.json", "eval-1.json", "latest.json")).toEqual({
      "train/a.json": "train",
      "my_dev.json": "validation",
      "eval-1.json": "test",
    });
  });

  it("takes everything for training where the names tell nothing", () => {
    expect(splits("a.json", "latest.json")).toEqual({ "a.json": "train", "latest.json": "train" });
  });
});
