import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { codePrompt } from "../../completion-worker/prompt";
import { readDocuments, type TokenDocument } from "../../model/heldOut";
import type { CompletionMix, Contract, DataManifest, RunSpec } from "../../protocol/run";
import { defaultSettings } from "../../run/runSpec";
import { prepareRun } from "../prepare";
import { COMPLETION_SOURCE } from "../readDataset";
import { summarize } from "../summarize";
import { loadTokenizer } from "../tokenizer";

const model = resolve("models/tiny-python");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mix-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const functionOf = (index: number) =>
  `def convert_${index}(values, factor=${index}):\n    total_${index} = 0\n    for value in values:\n        if value > factor:\n            total_${index} += value * factor\n    return round(total_${index}, factor)`;

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function dataset(count = 60): string {
  const rows = Array.from({ length: count }, (_, index) => ({
    instruction: `Convert by ${index}.`,
    input: "",
    output: functionOf(index),
  }));
  return write("rows.jsonl", rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

function specOf(completion: CompletionMix, seed = 0): RunSpec {
  const { training, ...settings } = defaultSettings();
  return {
    version: 1,
    id: "r",
    name: "r",
    createdAt: "2026-01-01T00:00:00Z",
    model: { path: model, quantization: "none" },
    dataset: {
      path: dataset(),
      format: "auto",
      template: "auto",
      heldOut: { kind: "fraction", fraction: 0.3, by: "row" },
      completion,
      maxTrainRows: null,
      maxEvalRows: null,
    },
    ...settings,
    training: { ...training, seed },
  };
}

interface Made {
  manifest: DataManifest;
  contract: Contract;
  rows: TokenDocument[];
  heldOut: TokenDocument[];
  samples: TokenDocument[];
  bytes: Buffer;
}

async function prepare(name: string, spec: RunSpec): Promise<Made> {
  const run = join(folder, name);
  mkdirSync(run);
  const { manifest, contract } = await prepareRun(spec, run);
  const train = readDocuments(join(run, "data"), "train", 8192);
  return {
    manifest,
    contract,
    rows: train.filter(({ source }) => source !== COMPLETION_SOURCE),
    heldOut: readDocuments(join(run, "data"), "eval", 8192),
    samples: train.filter(({ source }) => source === COMPLETION_SOURCE),
    bytes: readFileSync(join(run, "data", "train.tokens")),
  };
}

const answers: CompletionMix = { share: 0.5, answers: true, folder: null };

describe("samples for completion in a run's data", () => {
  it("make up their share of the tokens, beside the rows as they are without them", async () => {
    const { manifest, rows, samples, heldOut } = await prepare("a", specOf(answers));
    const { completion, train } = manifest;
    expect(completion!.tokens / train.tokens).toBeGreaterThan(0.49);
    expect(completion!.tokens / train.tokens).toBeLessThan(0.53);
    expect(train.rows).toBe(rows.length);
    expect(rows.length + heldOut.length).toBe(60);
    expect(train.documents).toBe(rows.length + samples.length);
    expect(completion!.fim).toBe(samples.filter(({ kind }) => kind === "fim").length);
    expect(completion!.prefix).toBe(samples.filter(({ kind }) => kind === "prefix").length);
    expect(completion!.prefix).toBeGreaterThan(0);
    expect(samples.every(({ row }) => row === 0)).toBe(true);
    expect(heldOut.every(({ source }) => source === 0)).toBe(true);
  });

  it("are the same for the same seed, and others for another", async () => {
    const first = await prepare("a", specOf(answers));
    expect((await prepare("b", specOf(answers))).bytes.equals(first.bytes)).toBe(true);
    expect((await prepare("c", specOf(answers, 1))).bytes.equals(first.bytes)).toBe(false);
  });

  it("show nothing that is held out, nor a file that holds it", async () => {
    for (let file = 0; file < 12; file++) {
      const functions = Array.from({ length: 3 }, (_, index) => functionOf(5 * file + index));
      write(`src/file${file}.py`, `import os\n\n\n${functions.join("\n\n\n")}\n`);
    }
    const mix = { share: 0.8, answers: true, folder: join(folder, "src") };
    const { manifest, samples, heldOut } = await prepare("a", specOf(mix));
    const tokenizer = await loadTokenizer(model);
    const held = await Promise.all(heldOut.map(({ ids }) => tokenizer.decode(ids)));
    const names = held.map((text) => /def (convert_\d+)\(/.exec(text)![1]!);
    expect(names.length).toBeGreaterThan(10);
    const shown = (await Promise.all(samples.map(({ ids }) => tokenizer.decode(ids)))).join("\n");
    for (const name of names) expect(shown).not.toMatch(new RegExp(`\\b${name}\\b`));
    const { files, leftOut } = manifest.completion!;
    expect(files).toBeGreaterThan(0);
    expect(files + leftOut["held-out"]!).toBe(12);
  });

  it("are the very prompts that completion asks with, the middle and an end token learned", async () => {
    const { contract, samples } = await prepare("a", specOf(answers));
    const tokenizer = await loadTokenizer(model);
    const { fim } = contract.modes;
    const { fim: _, ...continuing } = contract.modes;
    for (const { ids, targets, kind } of samples) {
      const [first] = targets as [number];
      const prompt = ids.slice(0, first);
      expect(targets).toEqual(ids.slice(first).map((_id, index) => first + index));
      expect(contract.endTokens.map(({ id }) => id)).toContain(ids.at(-1));
      const text = async (start: number, end: number) => tokenizer.decode(ids.slice(start, end));
      const suffixAt = kind === "fim" ? ids.indexOf(fim!.suffix) : first;
      const prefix = await text(kind === "fim" ? 2 : 1, suffixAt);
      const suffix = kind === "fim" ? await text(suffixAt + 1, first - 1) : "";
      const asked = kind === "fim" ? contract : { ...contract, modes: continuing };
      // The cursor stands where the middle begins, or behind its first word, which the prompt leaves out.
      const begun = /^(?: ?\w+|[ \t]+)/.exec(await text(first, ids.length - 1))?.[0] ?? "";
      const prompts = await Promise.all(
        [prefix, prefix + begun].map((before) => codePrompt(asked, tokenizer, { prefix: before, suffix }, 64)),
      );
      expect(prompts.map((made) => made.ids)).toContainEqual(prompt);
    }
  });

  it("leave out what is secret, foreign, too large or there already", async () => {
    const token = `ghp_${"a1B2c3D4e5".repeat(4).slice(0, 36)}`;
    write("src/good.py", `${functionOf(901)}\n`);
    write("src/again.py", `${functionOf(901)}\n`);
    write("src/secret.py", `${functionOf(902)}\n\nTOKEN = "${token}"\n`);
    write("src/large.py", `${functionOf(903)}\n# ${"x".repeat(1_000_001)}\n`);
    write("src/binary.py", `${functionOf(904)}\n\0`);
    write("src/env/pyvenv.cfg", "home = /usr\n");
    for (const place of ["env/lib", ".git", "node_modules", "site-packages"]) {
      write(`src/${place}/foreign.py`, `${functionOf(905)}\n`);
    }
    const mix = { share: 0.3, answers: false, folder: join(folder, "src") };
    const { manifest, samples } = await prepare("a", specOf(mix));
    expect(manifest.completion).toMatchObject({ files: 1, answerTexts: 0 });
    expect(manifest.completion!.leftOut).toEqual({ duplicate: 1, secret: 1, "too-large": 1, binary: 1 });
    const tokenizer = await loadTokenizer(model);
    const shown = await Promise.all(samples.map(({ ids }) => tokenizer.decode(ids)));
    expect(
      shown
        .join("\n")
        .match(/convert_9\d\d/g)!
        .every((name) => name === "convert_901"),
    ).toBe(true);
  });

  it("are counted by the summary as preparation makes them", async () => {
    const spec = specOf(answers);
    const { manifest } = await prepare("a", spec);
    const request = { ...spec.dataset, sequenceLength: spec.sequenceLength, seed: 0 };
    const summary = await summarize(request, await loadTokenizer(model));
    expect(summary.completionSamples).toBe(manifest.completion!.fim + manifest.completion!.prefix);
    expect(summary.completionTokens).toBe(manifest.completion!.tokens);
    expect(summary.trainTokens).toBe(manifest.train.tokens);
    expect(summary.trainTargets).toBe(manifest.train.targets);
    expect(summary.packed.train).toBe(manifest.train.sequences);
    expect(summary.trainRows).toBe(manifest.train.rows);
  });

  it("are sequences of their own, as the rows are, where nothing is packed", async () => {
    const spec = specOf(answers);
    spec.dataset.packing = false;
    const { manifest } = await prepare("a", spec);
    const { fim, prefix } = manifest.completion!;
    expect(manifest.train.sequences).toBe(manifest.train.rows + fim + prefix);
    const request = { ...spec.dataset, sequenceLength: spec.sequenceLength, seed: 0 };
    expect((await summarize(request, await loadTokenizer(model))).packed.train).toBe(manifest.train.sequences);
  });

  it("need Python to be cut from", async () => {
    mkdirSync(join(folder, "empty"));
    const none = { share: 0.5, answers: false, folder: join(folder, "empty") };
    await expect(prepare("a", specOf(none))).rejects.toThrow(/There is no Python in .*empty that samples/);
    const gone = { share: 0.5, answers: false, folder: join(folder, "gone") };
    await expect(prepare("b", specOf(gone))).rejects.toThrow(/gone is not a folder/);
  });
});
