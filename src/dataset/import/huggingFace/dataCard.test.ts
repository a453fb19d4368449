import { describe, expect, it } from "vitest";
import { configsOfCard } from "./dataCard";

const card = (yaml: string) => configsOfCard(`---\n${yaml}\n---\n# Title\nconfigs:\n- no\n`);

describe("configsOfCard", () => {
  it("reads the files of each split", () => {
    const yaml = `license: mit
tags: [a, b]
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*   # the larger one
  - split: test
    path:
    - "data/test-*"
    - 'more/test.parquet'
- config_name: other
  default: true
  data_files: other.csv
dataset_info:
  features:
  - name: text`;
    expect(card(yaml)).toEqual([
      {
        name: "default",
        isDefault: true,
        files: [
          { split: "train", patterns: ["data/train-*"] },
          { split: "test", patterns: ["data/test-*", "more/test.parquet"] },
        ],
      },
      { name: "other", isDefault: true, files: [{ split: "train", patterns: ["other.csv"] }] },
    ]);
  });

  it("reads lists and mappings of files, and sequences that are indented", () => {
    const yaml = `configs:
  - config_name: a
    data_files:
      - x.json
      - y.json
  - config_name: b
    data_files:
      train: [x.json, "y.json"]
      validation: z.json`;
    expect(card(yaml).map(({ files }) => files)).toEqual([
      [{ split: "train", patterns: ["x.json", "y.json"] }],
      [
        { split: "train", patterns: ["x.json", "y.json"] },
        { split: "validation", patterns: ["z.json"] },
      ],
    ]);
  });

  it.each(["", "configs:", "configs:\n- text", "configs: none", `configs:\n${"- ".repeat(2000)}x`])(
    "finds nothing in %j",
    (yaml) => {
      expect(card(yaml)).toEqual([]);
    },
  );

  it("needs the lines around it", () => {
    expect(configsOfCard("configs:\n- config_name: a\n  data_files: x.csv")).toEqual([]);
  });
});
