import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DataManifest, RunSpec } from "../protocol/run";
import { SplitWriter } from "./dataWriter";
import { type EncodedSample, encodeSamples, TARGET_BIT } from "./encode";
import { prepareRun } from "./prepare";
import { summarize } from "./summarize";
import { alpaca } from "./templates/alpaca";
import { loadTokenizer } from "./tokenizer";

const model = resolve("models/tiny-python");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "prepare-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, rows: unknown[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row))).join("\n"));
  return path;
}

const row = (index: number, source?: string) => ({
  instruction: `Add ${index} to x`,
  input: index % 3 === 0 ? `x = ${index}` : "",
  output: `x += ${index}\n`.repeat(1 + (index % 7)),
  ...(source === undefined ? {} : { source }),
});
const rows = (count: number) => Array.from({ length: count }, (_, index) => row(index, `${index % 11}.py`));

function specOf(path: string, dataset: Partial<RunSpec["dataset"]> = {}, sequenceLength = 256): RunSpec {
  return {
    version: 1,
    id: "r",
    name: "r",
    createdAt: "2026-01-01T00:00:00Z",
    model: { path: model, quantization: "none" },
    dataset: {
      path,
      format: "auto",
      template: "auto",
      heldOut: { kind: "none" },
      maxTrainRows: null,
      maxEvalRows: null,
      ...dataset,
    },
    sequenceLength,
    lora: { rank: 8, alpha: 16, targets: ["q_proj"], dropout: 0, rankStabilised: false },
    optimizer: {
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      clipNorm: 1,
      schedule: "constant",
      warmupSteps: 0,
    },
    training: {
      steps: 1,
      epochs: null,
      sequencesPerStep: 1,
      microBatch: null,
      evalEvery: 1,
      checkpointEvery: 1,
      keepCheckpoints: 1,
      earlyStopping: null,
      seed: 3,
      recompute: "auto",
    },
    device: "cpu",
    threads: 1,
    memoryBudget: null,
  };
}

interface Document {
  row: number;
  source: number;
  kind: number;
  sequence: number;
  targets: number;
  words: number[];
}

/** Reads a split by the layout of src/protocol/run.ts alone. */
function readSplit(split: "train" | "eval"): Document[] {
  const tokens = readFileSync(join(folder, "data", `${split}.tokens`));
  const records = readFileSync(join(folder, "data", `${split}.documents`));
  expect(tokens.toString("latin1", 0, 8)).toBe("TSTOKENS");
  expect(records.toString("latin1", 0, 8)).toBe("TSDOCUMT");
  expect([tokens.readUInt32LE(8), tokens.readUInt32LE(12)]).toEqual([1, 0]);
  expect([records.readUInt32LE(8), records.readUInt32LE(12)]).toEqual([1, 32]);
  expect((records.length - 16) % 32).toBe(0);
  const documents: Document[] = [];
  let next = 0;
  for (let at = 16; at < records.length; at += 32) {
    const start = Number(records.readBigUInt64LE(at));
    const length = records.readUInt32LE(at + 8);
    expect(start).toBe(next);
    expect(records.readUInt32LE(at + 28)).toBe(0);
    next += length;
    documents.push({
      row: records.readUInt32LE(at + 16),
      source: records.readUInt16LE(at + 20),
      kind: records.readUInt16LE(at + 22),
      sequence: records.readUInt32LE(at + 24),
      targets: records.readUInt32LE(at + 12),
      words: Array.from({ length }, (_, index) => tokens.readUInt32LE(16 + (start + index) * 4)),
    });
  }
  expect(tokens.length).toBe(16 + next * 4);
  return documents;
}

function checkSplit(documents: Document[], summary: DataManifest["train"], sequenceLength: number): void {
  let sequence = -1;
  let used = 0;
  for (const document of documents) {
    if (document.sequence !== sequence) {
      expect(document.sequence).toBe(sequence + 1);
      sequence = document.sequence;
      used = 0;
    }
    used += document.words.length;
    expect(used).toBeLessThanOrEqual(sequenceLength);
    expect(document.words[0]).toBeLessThan(TARGET_BIT);
    expect(document.words.filter((word) => word >= TARGET_BIT)).toHaveLength(document.targets);
  }
  expect(summary).toEqual({
    rows: documents.length,
    documents: documents.length,
    sequences: sequence + 1,
    tokens: documents.reduce((sum, { words }) => sum + words.length, 0),
    targets: documents.reduce((sum, { targets }) => sum + targets, 0),
  });
}

describe("prepared data", () => {
  it("holds every row once, traceable to its line, as the template renders it", async () => {
    const content: unknown[] = rows(300);
    content.splice(5, 0, "", '{"instruction": "a",', { instruction: "a" }, row(1000), {
      ...row(1),
      output: "y = 1\n".repeat(300),
    });
    const path = file("data.jsonl", content);
    const problems: [number, string][] = [];
    const { manifest, contract } = await prepareRun(
      specOf(path, { heldOut: { kind: "fraction", fraction: 0.2, by: "source" } }),
      folder,
      { problem: (_, line, { check }) => problems.push([line, check]) },
    );
    expect(problems).toEqual([
      [7, "json-syntax"],
      [8, "missing-field"],
      [10, "over-length"],
    ]);
    const [source] = manifest.sources;
    expect(source).toMatchObject({ path, format: "alpaca", rows: 304, used: 301, leftOut: 0, skipped: 3 });
    expect(source!.skippedByReason).toEqual({ "json-syntax": 1, "missing-field": 1, "over-length": 1 });
    expect(source!.skippedRows.map((skipped) => skipped.row)).toEqual([7, 8, 10]);

    const train = readSplit("train");
    const held = readSplit("eval");
    checkSplit(train, manifest.train, 256);
    checkSplit(held, manifest.eval, 256);
    expect([...train, ...held].map((document) => document.row).sort((a, b) => a - b)).toHaveLength(301);
    const sourcesOf = (documents: Document[]) =>
      new Set(documents.map((document) => (content[document.row - 1] as { source?: string }).source));
    const heldSources = sourcesOf(held);
    expect(heldSources.size).toBeGreaterThan(0);
    heldSources.delete(undefined);
    for (const name of sourcesOf(train)) expect(heldSources.has(name)).toBe(false);

    const tokenizer = await loadTokenizer(model);
    for (const document of [...train, ...held]) {
      const { instruction, input, output } = content[document.row - 1] as ReturnType<typeof row>;
      const segments = alpaca.render(
        { shape: "instruction", system: "", instruction, input, answer: output },
        tokenizer.special,
      );
      const [encoded] = await encodeSamples([segments], tokenizer);
      expect(document.words).toEqual(Array.from((encoded as EncodedSample).tokens));
      expect([document.source, document.kind]).toEqual([0, 0]);
    }
    expect(JSON.parse(readFileSync(join(folder, "contract.json"), "utf8"))).toEqual(contract);
    expect(JSON.parse(readFileSync(join(folder, "data", "manifest.json"), "utf8"))).toEqual(manifest);
    expect(contract).toEqual({
      version: 1,
      baseModel: "tiny-python",
      contextLength: 4096,
      vocabularySize: 8192,
      beginToken: { id: 8160, text: "<|begin_of_text|>" },
      endTokens: [{ id: 8161, text: "<|end_of_text|>" }],
      modes: { instruct: { template: "alpaca" }, prefix: {}, fim: { prefix: 8165, suffix: 8166, middle: 8167 } },
    });
    expect(readdirSync(folder).sort()).toEqual(["contract.json", "data", "data.jsonl"]);
  });

  it("is the same to the byte when prepared again, and replaces what was there", async () => {
    const spec = specOf(file("data.jsonl", rows(1500)), { heldOut: { kind: "fraction", fraction: 0.1, by: "row" } });
    const read = () =>
      readdirSync(join(folder, "data")).map((name) => [name, readFileSync(join(folder, "data", name), "hex")]);
    await prepareRun(spec, folder);
    const first = read();
    writeFileSync(join(folder, "data", "stale"), "");
    await prepareRun(spec, folder);
    expect(read()).toEqual(first);
  });

  it("has each row as a sequence of its own where they are not packed, with the same tokens", async () => {
    const path = file("data.jsonl", rows(120));
    const prepared = async (packing: boolean) => {
      const heldOut = { kind: "fraction", fraction: 0.2, by: "row" } as const;
      const { manifest } = await prepareRun(specOf(path, { heldOut, packing }), folder);
      const [train, held] = [readSplit("train"), readSplit("eval")];
      checkSplit(train, manifest.train, 256);
      checkSplit(held, manifest.eval, 256);
      return { manifest, train, held };
    };
    const apart = await prepared(false);
    expect(apart.manifest.train.sequences).toBe(apart.train.length);
    expect(apart.manifest.eval.sequences).toBe(apart.held.length);
    expect(apart.train.map(({ row }) => row)).toEqual(apart.train.map(({ row }) => row).sort((a, b) => a - b));
    const together = await prepared(true);
    expect(together.manifest.train.sequences).toBeLessThan(together.train.length);
    const byRow = ({ train, held }: typeof apart) =>
      [...train, ...held].map(({ row, words }) => ({ row, words })).sort((a, b) => a.row - b.row);
    expect(byRow(apart)).toEqual(byRow(together));
  });

  it("takes at most the rows asked for, in the file's order", async () => {
    const path = file("data.jsonl", rows(1200));
    const { manifest } = await prepareRun(
      specOf(path, { heldOut: { kind: "fraction", fraction: 0.5, by: "row" }, maxTrainRows: 40, maxEvalRows: 10 }),
      folder,
    );
    expect([manifest.train.rows, manifest.eval.rows]).toEqual([40, 10]);
    expect(manifest.sources[0]).toMatchObject({ rows: 1200, used: 50, leftOut: 1150, skipped: 0 });
    expect(Math.max(...readSplit("train").map((document) => document.row))).toBeLessThan(120);
  });

  it("evaluates on a file of its own, in another format if the template is the same", async () => {
    const chat = (index: number) => ({
      messages: [
        { role: "user", content: `q ${index}` },
        { role: "assistant", content: `a ${index}` },
      ],
    });
    const held = file("held.jsonl", [chat(0), chat(1)]);
    const { manifest, contract } = await prepareRun(
      specOf(file("data.jsonl", [chat(2), chat(3), chat(4)]), { heldOut: { kind: "file", path: held } }),
      folder,
    );
    expect(manifest.sources.map(({ format, used }) => [format, used])).toEqual([
      ["chat", 3],
      ["chat", 2],
    ]);
    expect(readSplit("eval").map((document) => [document.source, document.row])).toEqual([
      [1, 1],
      [1, 2],
    ]);
    expect(contract.endTokens.map(({ text }) => text)).toEqual(["<|eot_id|>", "<|end_of_text|>"]);
    const mixed = specOf(file("rows.jsonl", rows(3)), { heldOut: { kind: "file", path: held } });
    await expect(prepareRun(mixed, folder)).rejects.toThrow(
      /held\.jsonl has rows as Chat messages, which the data set's template "alpaca" cannot show/,
    );
  });
});

describe("a mixture", () => {
  const plain = (index: number) => ({ instruction: `Say ${index}`, input: "", output: `${index}\n` });
  const byRow = { kind: "fraction", fraction: 0.3, by: "row" } as const;
  /** How often each row of a source is there, by its line. */
  const timesOf = (documents: Document[], source: number) => {
    const times = new Map<number, number>();
    for (const document of documents.filter((candidate) => candidate.source === source)) {
      times.set(document.row, (times.get(document.row) ?? 0) + 1);
    }
    return times;
  };

  it("holds each data set's rows as often as its weight says, and none on both sides", async () => {
    const dataset = fc.record({
      rows: fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 8, maxLength: 25 }),
      weight: fc.constantFrom(0.25, 0.5, 1, 1.5, 2, 3),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(dataset, { minLength: 1, maxLength: 3 }), fc.nat(9), async (datasets, seed) => {
        const texts = datasets.map(({ rows }) => rows.map((index) => JSON.stringify(plain(index))));
        const [main, ...mixture] = texts.map((lines, index) => ({
          path: file(`data-${index}.jsonl`, lines),
          format: "auto",
          weight: datasets[index]!.weight,
        }));
        const spec = specOf(main!.path, { weight: main!.weight, mixture, heldOut: byRow });
        spec.training.seed = seed;
        const { manifest } = await prepareRun(spec, folder);
        const [train, held] = [readSplit("train"), readSplit("eval")];
        const textsOf = (documents: Document[]) => new Set(documents.map(({ source, row }) => texts[source]![row - 1]));
        const heldTexts = textsOf(held);
        for (const text of textsOf(train)) expect(heldTexts.has(text)).toBe(false);
        for (const [source, { weight }] of datasets.entries()) {
          const [heldRows, times] = [timesOf(held, source), timesOf(train, source)];
          for (const count of heldRows.values()) expect(count).toBe(1);
          const learnable = texts[source]!.length - heldRows.size;
          const whole = Math.floor(weight);
          const extra = Math.round(learnable * (weight - whole));
          const total = [...times.values()].reduce((sum, count) => sum + count, 0);
          expect(total).toBe(whole * learnable + (whole === 0 ? Math.max(1, extra) : extra));
          for (const count of times.values()) expect([whole, whole + 1]).toContain(count);
          const { used, leftOut, rows } = manifest.sources[source]!;
          expect([used, used + leftOut]).toEqual([times.size + heldRows.size, rows]);
        }
        expect(manifest.train.documents).toBe(train.length);
        expect(manifest.train.rows).toBe(new Set(train.map(({ source, row }) => `${source}:${row}`)).size);
        expect(
          await summarize({ ...spec.dataset, sequenceLength: 256, seed }, await loadTokenizer(model)),
        ).toMatchObject({
          trainRows: train.length,
          evalRows: held.length,
          trainTokens: manifest.train.tokens,
          evalTokens: manifest.eval.tokens,
          datasets: datasets.map(({ weight }, source) => ({
            weight,
            trainRows: [...timesOf(train, source).values()].reduce((sum, count) => sum + count, 0),
          })),
        });
      }),
      { numRuns: 8 },
    );
  });

  it("is the same to the byte for the same seed, and another for another", async () => {
    const mixture = [{ path: file("more.jsonl", rows(80)), format: "auto", weight: 0.5 }];
    const spec = specOf(file("data.jsonl", rows(40)), { mixture, heldOut: byRow });
    const prepared = async (seed: number) => {
      await prepareRun({ ...spec, training: { ...spec.training, seed } }, folder);
      return ["train.tokens", "train.documents", "eval.tokens"].map((name) =>
        readFileSync(join(folder, "data", name), "hex"),
      );
    };
    const first = await prepared(1);
    expect(await prepared(1)).toEqual(first);
    expect(await prepared(2)).not.toEqual(first);
  });

  it("takes data sets in formats that one template shows", async () => {
    const chat = (index: number) => ({
      messages: [
        { role: "user", content: `q ${index}` },
        { role: "assistant", content: `a ${index}` },
      ],
    });
    const chats = file("chats.jsonl", [chat(1), chat(2), chat(3)]);
    const mixture = [{ path: chats, format: "auto", weight: 1 }];
    const { manifest } = await prepareRun(specOf(file("data.jsonl", rows(3)), { mixture }), folder);
    expect(manifest.sources.map(({ format }) => format)).toEqual(["alpaca", "chat"]);
    expect(manifest.template).toBe("llama3-chat");
    expect(manifest.train.rows).toBe(6);
    await expect(
      prepareRun(specOf(join(folder, "data.jsonl"), { mixture, template: "alpaca" }), folder),
    ).rejects.toThrow(
      /chats\.jsonl has rows as Chat messages, which cannot be put to the model as those of .*data\.jsonl/,
    );
    const completions = file("completions.jsonl", [{ prompt: "a", completion: "b" }]);
    await expect(
      prepareRun(
        specOf(join(folder, "data.jsonl"), { mixture: [{ path: completions, format: "auto", weight: 1 }] }),
        folder,
      ),
    ).rejects.toThrow(
      /completions\.jsonl has rows as .* \(template "alpaca"\): leave one of them out, or convert it\./,
    );
  });

  it("keeps the held-out file's rows apart, and counts it as the last source", async () => {
    const held = file("held.jsonl", rows(4));
    const mixture = [{ path: file("more.jsonl", rows(5)), format: "auto", weight: 2 }];
    const spec = specOf(file("data.jsonl", rows(3)), { mixture, heldOut: { kind: "file", path: held } });
    const { manifest } = await prepareRun(spec, folder);
    expect(manifest.sources.map(({ path }) => path)).toEqual([spec.dataset.path, mixture[0]!.path, held]);
    expect([manifest.train.rows, manifest.train.documents, manifest.eval.rows]).toEqual([8, 13, 4]);
    expect(new Set(readSplit("eval").map(({ source }) => source))).toEqual(new Set([2]));
  });

  it("names the data set that is wrong", async () => {
    const data = file("data.jsonl", rows(3));
    const mixed = (path: string) => ({ mixture: [{ path, format: "auto", weight: 1 }] });
    await expect(prepareRun(specOf(data, mixed(file("broken.jsonl", ["{", "["]))), folder)).rejects.toThrow(
      /broken\.jsonl has no row that can be used/,
    );
    await expect(prepareRun(specOf(data, mixed(join(folder, "gone.jsonl"))), folder)).rejects.toThrow(/gone\.jsonl/);
    symlinkSync(data, join(folder, "again.jsonl"));
    await expect(prepareRun(specOf(data, mixed(join(folder, "again.jsonl"))), folder)).rejects.toThrow(
      /again\.jsonl is named twice: give it a larger weight instead/,
    );
    const long = file("long.jsonl", [{ ...plain(1), output: "y = 1\n".repeat(300) }]);
    await expect(prepareRun(specOf(data, mixed(long)), folder)).rejects.toThrow(
      /long\.jsonl leaves no row to train on \(1 rows are longer/,
    );
  });
});

describe("what cannot be prepared ends in one sentence and leaves nothing", () => {
  const cases: [string, () => RunSpec, RegExp][] = [
    ["an empty file", () => specOf(file("data.jsonl", [])), /data\.jsonl is empty: it must hold one row a line\.$/],
    ["blank lines", () => specOf(file("data.jsonl", ["", " ", ""])), /is empty \(blank lines only\)/],
    [
      "broken rows only",
      () => specOf(file("data.jsonl", ["{", "[]", { instruction: "" }])),
      /data\.jsonl has no row that can be used as Alpaca\. All of its 3 rows are broken/,
    ],
    [
      "an unknown format",
      () => specOf(file("data.jsonl", [{ title: "x" }])),
      /has no row that can be used in any known format\. Its only row is broken/,
    ],
    ["a wrong format", () => specOf(file("data.jsonl", rows(3)), { format: "chat" }), /as Chat messages/],
    [
      "a format that does not exist",
      () => specOf(file("data.jsonl", rows(3)), { format: "csv" }),
      /no data set format "csv"/,
    ],
    [
      "a template that does not fit",
      () => specOf(file("data.jsonl", rows(3)), { template: "prompt-completion" }),
      /template "prompt-completion" cannot show rows/,
    ],
    [
      "rows that are all too long",
      () => specOf(file("data.jsonl", rows(3)), {}, 16),
      /leaves no row to train on \(3 rows are longer than 16 tokens\)/,
    ],
    [
      "one row to split",
      () => specOf(file("data.jsonl", [row(1)]), { heldOut: { kind: "fraction", fraction: 0.1, by: "row" } }),
      /leaves no row to evaluate on/,
    ],
    [
      "one source to split",
      () =>
        specOf(file("data.jsonl", [row(1, "a"), row(2, "a")]), {
          heldOut: { kind: "fraction", fraction: 0.5, by: "source" },
        }),
      /its rows share one "source": split by row/,
    ],
    [
      "an empty held-out file",
      () => specOf(file("data.jsonl", rows(3)), { heldOut: { kind: "file", path: file("held.jsonl", []) } }),
      /held\.jsonl is empty/,
    ],
    [
      "the data set as its own held-out file",
      () => specOf(file("data.jsonl", rows(3)), { heldOut: { kind: "file", path: join(folder, "data.jsonl") } }),
      /is the data set itself/,
    ],
    ["a folder", () => specOf(folder), /is not a file/],
    ["a missing file", () => specOf(join(folder, "nope.jsonl")), /nope\.jsonl/],
    [
      "a sequence length beyond the model",
      () => specOf(file("data.jsonl", rows(3)), {}, 8192),
      /sequence length of 8192 is more than .* takes: its "max_position_embeddings" is 4096/,
    ],
    [
      "a model without config.json",
      () => ({ ...specOf(file("data.jsonl", rows(3))), model: { path: folder, quantization: "none" } }),
      /config\.json/,
    ],
  ];
  it.each(cases)("%s", async (_, spec, message) => {
    await expect(prepareRun(spec(), folder)).rejects.toThrow(message);
    expect(readdirSync(folder).filter((name) => !name.endsWith(".jsonl"))).toEqual([]);
  });

  it("a cancelled preparation, at every stage", async () => {
    const path = file("data.jsonl", rows(3000));
    const stages = new Set<string>();
    await prepareRun(specOf(path), folder, { progress: (stage) => stages.add(stage) });
    const before = readFileSync(join(folder, "data", "train.tokens"));
    expect(stages.size).toBe(3);
    for (const cancelAt of stages) {
      const abort = new AbortController();
      const run = prepareRun(specOf(path, { maxTrainRows: 5 }), folder, {
        signal: abort.signal,
        progress: (stage) => stage === cancelAt && abort.abort(new Error("cancelled by the test")),
      });
      await expect(run).rejects.toSatisfy(
        (error: Error) => error.name === "AbortError" || /by the test/.test(error.message),
      );
      expect(existsSync(join(folder, "data.partial"))).toBe(false);
      expect(before.equals(readFileSync(join(folder, "data", "train.tokens")))).toBe(true);
    }
  });

  it("a file that changes while it is read", async () => {
    const path = file("data.jsonl", rows(50));
    const changed = prepareRun(specOf(path), folder, {
      progress: (stage) => stage === "Checking rows" && writeFileSync(path, `${JSON.stringify(row(1))}\n`),
    });
    await expect(changed).rejects.toThrow("data.jsonl was changed while it was read");
  });

  it.runIf(existsSync("/dev/full"))("a full disk, naming the file", async () => {
    mkdirSync(join(folder, "data"));
    for (const name of ["train.tokens", "train.documents"]) symlinkSync("/dev/full", join(folder, "data", name));
    const writer = await SplitWriter.create(join(folder, "data"), "train");
    const document = {
      tokens: new Uint32Array(9),
      targets: 0,
      row: 1,
      source: 0,
      heldOut: false,
      copy: 0,
      kind: "instruct" as const,
    };
    await writer.addSequence([document]);
    await expect(writer.finish()).rejects.toMatchObject({ code: "ENOSPC", path: join(folder, "data", "train.tokens") });
    await writer.close();
  });
});

describe("the summary", () => {
  const request = (path: string) => ({
    ...specOf(path).dataset,
    heldOut: { kind: "fraction", fraction: 0.25, by: "row" } as const,
    sequenceLength: 256,
    seed: 3,
  });

  const longestDocument = () =>
    Math.max(...[...readSplit("train"), ...readSplit("eval")].map(({ words }) => words.length));

  it("counts what preparation would write, and shows the first usable row", async () => {
    const path = file("data.jsonl", ["{", ...rows(40)]);
    const summary = await summarize(request(path), await loadTokenizer(model), { answerTokens: 4 });
    const { manifest } = await prepareRun(specOf(path, { heldOut: request(path).heldOut }), folder);
    expect(summary).toMatchObject({
      path,
      format: "alpaca",
      template: "alpaca",
      rows: 41,
      used: 40,
      skipped: 1,
      tokens: manifest.train.tokens + manifest.eval.tokens,
      trainRows: manifest.train.rows,
      trainTargets: manifest.train.targets,
      evalRows: manifest.eval.rows,
      packed: { sequenceLength: 256, packing: true, train: manifest.train.sequences, longest: longestDocument() },
    });
    const { tokens, targets, rows: trained } = manifest.train;
    expect(summary.rowTokens).toEqual({ prompt: (tokens - targets) / trained, answer: 4 });
    // Of rows about as long as each other; none is as long as a sequence.
    expect(summary.documentTokens / (manifest.train.tokens / manifest.train.rows)).toBeCloseTo(1, 1);
    expect(summary.problems).toMatchObject([{ row: 1, reason: "json-syntax" }]);
    expect(summary.preview.map(({ learned }) => learned)).toEqual([false, false, true, true]);
    expect(summary.preview[2]).toEqual({ text: row(0).output, learned: true });
  });

  it("counts a sequence for each time that a pass takes a row where they are not packed", async () => {
    const path = file("data.jsonl", rows(40));
    const dataset = { heldOut: request(path).heldOut, weight: 2, packing: false };
    const summary = await summarize({ ...request(path), ...dataset }, await loadTokenizer(model));
    const { manifest } = await prepareRun(specOf(path, dataset), folder);
    expect(summary.packed).toEqual({
      sequenceLength: 256,
      packing: false,
      train: manifest.train.sequences,
      longest: longestDocument(),
    });
    expect(summary.packed.train).toBe(summary.trainRows);
  });

  it("of broken rows is a summary, not an error", async () => {
    const summary = await summarize(request(file("data.jsonl", [{ title: 1 }, "["])), await loadTokenizer(model));
    expect(summary).toMatchObject({ format: null, template: null, rows: 2, used: 0, skipped: 2, preview: [] });
  });
});
