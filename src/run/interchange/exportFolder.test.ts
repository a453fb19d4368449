import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { EngineEvent } from "../../protocol/engine";
import { runPaths } from "../runDirectory";
import { temporaryFolder, temporaryRun } from "../testing/testRun";
import { exportRunFolder } from "./exportFolder";

let directory: string;
let output: string;

const put = (path: string, text: string) => {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
};
const line = (event: EngineEvent) => `${JSON.stringify(event)}\n`;
const head = { time: 1, attempt: 1 };
const EVENTS =
  line({ ...head, type: "start", engine: "0.1.0", pid: 1, device: "cpu", threads: 1, resumedFrom: 0, totalSteps: 4 }) +
  line({ ...head, type: "eval", step: 0, loss: 3, targets: 10 }) +
  line({
    ...head,
    type: "step",
    step: 4,
    loss: 1.25,
    learningRate: 0.1,
    gradientNorm: 1,
    tokens: 9,
    targets: 5,
    seconds: 2,
  }) +
  line({
    ...head,
    type: "done",
    reason: "finished",
    step: 4,
    totalSteps: 4,
    evalLossBefore: 3,
    evalLossAfter: 2,
    tokens: 9000,
    seconds: 2,
  });
const split = (rows: number) => ({ rows, documents: rows, sequences: 2, tokens: 12_345, targets: 99 });
const MANIFEST = {
  template: "alpaca",
  sources: [{ path: "/home/me/my rows.jsonl", format: "alpaca", rows: 50, used: 48 }],
  train: split(43),
  eval: split(5),
};

beforeEach(async () => {
  directory = (await temporaryRun()).directory;
  output = join(temporaryFolder(), "exported");
  put("contract.json", "{}");
  put("events.jsonl", EVENTS);
  put("data/manifest.json", JSON.stringify(MANIFEST));
  put("data/train.tokens", "packed");
  put("adapter/adapter_model.safetensors", "weights");
  put("tensorboard/events.out.tfevents.1.host.1.1", "curves");
  put("trainer_state.json", "{}");
  put("checkpoints/step-4/optimizer.safetensors", "moments");
  put("engine.log", "noise");
});

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
const readme = () => readFileSync(join(output, "README.md"), "utf8");

describe("exportRunFolder", () => {
  it("copies what says what the run was and what came of it, and nothing of the engine at work", async () => {
    const fractions: number[] = [];
    const exported = await exportRunFolder(directory, output, { onProgress: (fraction) => fractions.push(fraction) });
    expect(filesIn(output)).toEqual([
      "README.md",
      "adapter/adapter_model.safetensors",
      "contract.json",
      "data/manifest.json",
      "events.jsonl",
      "run.json",
      "tensorboard/events.out.tfevents.1.host.1.1",
      "trainer_state.json",
    ]);
    expect(exported.files.map(({ path }) => path).sort()).toEqual(filesIn(output));
    for (const { path, bytes } of exported.files) expect(readFileSync(join(output, path)).length, path).toBe(bytes);
    expect(readFileSync(join(output, "events.jsonl"), "utf8")).toBe(EVENTS);
    expect(exported.leftOut).toEqual([]);
    expect(fractions.at(-1)).toBe(1);
    expect(readdirSync(dirname(output))).toEqual(["exported"]);
  });

  it("takes the packed rows and the evaluation where they are asked for or there", async () => {
    put("evaluation/report.json", "{}");
    put("evaluation/partial.jsonl", "{}");
    await exportRunFolder(directory, output, { withData: true });
    expect(filesIn(output)).toEqual(expect.arrayContaining(["data/train.tokens", "evaluation/report.json"]));
    expect(filesIn(output)).not.toContain("evaluation/partial.jsonl");
  });

  it("writes a card with the figures, the data and every setting", async () => {
    await exportRunFolder(directory, output);
    const card = readme();
    expect(card).toContain("# Try\n");
    expect(card).toContain("A LoRA adapter for tiny, fine-tuned on rows.jsonl with Tunesmith 0.1.0. The run finished");
    expect(card).toContain("| Held-out loss before training | 3.0000 (perplexity 20.09) |");
    expect(card).toContain("| Held-out loss | 2.0000 (perplexity 7.389) |");
    expect(card).toContain("| Tokens trained on | 9,000 |");
    expect(card).toContain("| my rows.jsonl | alpaca | 50 | 48 |");
    expect(card).toContain("| Training | 43 | 2 | 12,345 | 99 |");
    expect(card).toContain("| lora.rank | 16 |");
    expect(card).toContain("| optimizer.schedule | cosine |");
    expect(card).toContain("PeftModel.from_pretrained");
    expect(card).not.toContain("/home/me");
  });

  it("tells the notes and tags that a person gave the run", async () => {
    put(
      "notes.json",
      JSON.stringify({ version: 1, name: "Better", notes: "Slow start.\n<b>Fine</b>", tags: ["keep"] }),
    );
    await exportRunFolder(directory, output);
    expect(filesIn(output)).toContain("notes.json");
    expect(readme()).toContain("# Better\n");
    expect(readme()).toContain("Tags: keep.\n\n## Notes\n\nSlow start.\n&lt;b&gt;Fine&lt;/b&gt;\n");
  });

  it("shows names as they are, whatever is in them", async () => {
    const spec = JSON.parse(readFileSync(runPaths(directory).spec, "utf8"));
    spec.name = "<img src=x onerror=alert(1)> [a](http://b) | `c`\n# d \u202ee";
    put("run.json", JSON.stringify(spec));
    put("data/manifest.json", JSON.stringify({ ...MANIFEST, template: "<script>" }));
    await exportRunFolder(directory, output);
    const card = readme();
    expect(card).toContain("# &lt;img src=x onerror=alert(1)&gt; \\[a\\](http://b) \\| \\`c\\` \\# d  e\n");
    expect(card).not.toMatch(/<(img|script)/);
  });

  it("follows no link out of the run", async () => {
    const outside = join(temporaryFolder(), "secret");
    writeFileSync(outside, "secret");
    mkdirSync(join(dirname(outside), "folder"));
    writeFileSync(join(dirname(outside), "folder", "report.json"), "secret");
    symlinkSync(outside, join(directory, "adapter", "link"));
    symlinkSync(join(dirname(outside), "folder"), join(directory, "evaluation"));
    const { leftOut } = await exportRunFolder(directory, output);
    expect(leftOut).toEqual(["adapter/link", "evaluation"]);
    expect(filesIn(output).filter((path) => readFileSync(join(output, path), "utf8").includes("secret"))).toEqual([]);
  });

  it("takes a run that has only been asked for, and a manifest that is none", async () => {
    const { directory: bare } = await temporaryRun();
    await exportRunFolder(bare, output);
    expect(filesIn(output)).toEqual(["README.md", "run.json"]);
    expect(readme()).toContain("the data were not prepared");
    put("data/manifest.json", '{"sources":7}');
    const other = `${output}-2`;
    await exportRunFolder(directory, other);
    expect(readFileSync(join(other, "README.md"), "utf8")).toContain("the data were not prepared");
  });

  it("replaces nothing", async () => {
    mkdirSync(output);
    await expect(exportRunFolder(directory, output)).rejects.toThrow(
      `${output} exists already; choose another folder.`,
    );
    expect(readdirSync(output)).toEqual([]);
    await expect(exportRunFolder(directory, join(directory, "mine"))).rejects.toThrow("lies inside the run");
    await expect(exportRunFolder(temporaryFolder(), `${output}-2`)).rejects.toThrow("is not a run directory");
  });

  it("leaves nothing where it is cancelled or fails", async () => {
    const abort = new AbortController();
    const options = { signal: abort.signal, onProgress: () => abort.abort() };
    await expect(exportRunFolder(directory, output, options)).rejects.toMatchObject({ name: "AbortError" });
    writeFileSync(`${output}-file`, "");
    const below = join(`${output}-file`, "x");
    await expect(exportRunFolder(directory, below)).rejects.toThrow(/a folder was expected/);
    expect(readdirSync(dirname(output))).toEqual(["exported-file"]);
  });
});
