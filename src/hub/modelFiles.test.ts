import { describe, expect, it } from "vitest";
import { missingFile, neededFiles } from "./modelFiles";
import { isRepositoryName } from "./repository";

const needed = (...names: string[]) => neededFiles(names.map((path) => ({ path }))).map(({ path }) => path);
const missing = (...names: string[]) => missingFile(names.map((path) => ({ path })));

describe("the files of a model", () => {
  it("are its config, tokenizer, licence and one form of its weights", () => {
    const kept = [
      "config.json",
      "tokenizer.json",
      "tokenizer_config.json",
      "LICENSE.txt",
      "README.md",
      "model.safetensors",
    ];
    const others = [
      "pytorch_model.bin",
      "consolidated.00.pth",
      "model.onnx",
      "tokenizer.model",
      ".gitattributes",
      "run.py",
    ];
    expect(needed(...kept, ...others)).toEqual(kept);
  });

  it("are the shards where there is no single file", () => {
    const shards = [
      "model.safetensors.index.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
    ];
    expect(needed(...shards, "adapter_model.safetensors")).toEqual(shards);
    expect(needed(...shards, "model.safetensors")).toEqual(["model.safetensors"]);
  });

  it("tell what is missing", () => {
    expect(missing("config.json", "tokenizer.json", "model.safetensors")).toBeNull();
    expect(missing("tokenizer.json", "model.safetensors")).toBe("config.json");
    expect(missing("config.json", "tokenizer.json")).toBe("model.safetensors");
    expect(missing("config.json", "tokenizer.json", "model.safetensors.index.json")).toBe("model.safetensors");
  });
});

it.each([
  ["meta-llama/Llama-3.2-1B", true],
  ["gpt2", true],
  ["a/b/c", false],
  ["../b", false],
  ["a/..", false],
  ["a/b?x", false],
  ["a--b/c", false],
  ["-x", false],
  ["", false],
])("takes %j for a model's name: %s", (text, taken) => {
  expect(isRepositoryName(text)).toBe(taken);
});
