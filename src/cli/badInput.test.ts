import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { listRunDirectories } from "../run/runDirectory";
import { readSnapshot } from "../run/runMonitor";
import { realEngine, tinyPython, writeRows } from "../run/testing/engine";
import { temporaryFolder } from "../run/testing/testRun";
import { runCli } from "./cli";

beforeAll(async () => {
  await realEngine();
});

async function cli(cwd: string, ...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const code = await runCli(argv, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    cwd: () => cwd,
    on: () => {},
    off: () => {},
  });
  const messages = written.stdout.split("\n").filter((line) => line.startsWith("{"));
  return {
    code,
    ...written,
    error: messages.map((line) => JSON.parse(line)).find(({ type }) => type === "error")?.message,
  };
}

/** A copy of tiny-python with one thing wrong. */
function damagedModel(folder: string, damage: (model: string) => void): string {
  const model = join(folder, "model");
  cpSync(tinyPython, model, { recursive: true });
  damage(model);
  return model;
}

function changeJson(file: string, change: (value: Record<string, unknown>) => void): void {
  const value = JSON.parse(readFileSync(file, "utf8"));
  change(value);
  writeFileSync(file, JSON.stringify(value));
}

const sentence = /^[^\n]+\.$/;

describe("train on what cannot be used", () => {
  const models: [string, (model: string) => void, RegExp][] = [
    [
      "a truncated safetensors file",
      (model) => truncateSync(join(model, "model-00002-of-00003.safetensors"), 1_000_000),
      /model-00002-of-00003\.safetensors/,
    ],
    [
      "a config.json with a missing field",
      (model) => changeJson(join(model, "config.json"), (config) => delete config.num_attention_heads),
      /config\.json.*num_attention_heads/,
    ],
    ["a config.json that is no JSON", (model) => writeFileSync(join(model, "config.json"), "{"), /config\.json/],
    [
      "a tokenizer of another vocabulary",
      (model) => changeJson(join(model, "config.json"), (config) => Object.assign(config, { vocab_size: 4096 })),
      /tokenizer\.json.*config\.json|config\.json.*tokenizer\.json/,
    ],
    ["a model without a tokenizer", (model) => writeFileSync(join(model, "tokenizer.json"), "[]"), /tokenizer\.json/],
  ];
  it.each(models)("%s", async (_name, damage, names) => {
    const folder = temporaryFolder();
    const model = damagedModel(folder, damage);
    const data = writeRows(join(folder, "rows.jsonl"), 30);
    const { code, error } = await cli(folder, "train", "--data", data, "--model", model, "--progress", "json");
    expect(code).toBe(1);
    expect(error).toMatch(names);
    expect(error).toMatch(sentence);
    // What the engine alone can see leaves a run that says so and can go on once the model is mended.
    for (const directory of await listRunDirectories(join(folder, ".tunesmith", "runs"))) {
      expect(await readSnapshot(directory)).toMatchObject({ state: "failed", cause: error });
      expect(existsSync(join(directory, "adapter"))).toBe(false);
    }
  });

  const files: [string, string, RegExp][] = [
    ["only broken rows", '{"instruction": 1}\nnot json\n{"instruction":"a","output":""}\n', /no row that can be used/],
    ["an empty file", "", /is empty/],
    ["blank lines", "\n\n \n", /is empty/],
  ];
  it.each(files)("a data set of %s", async (_name, content, says) => {
    const folder = temporaryFolder();
    const data = join(folder, "rows.jsonl");
    writeFileSync(data, content);
    for (const command of [["train"], ["demo"]]) {
      const { code, error } = await cli(
        folder,
        ...command,
        "--data",
        data,
        "--model",
        tinyPython,
        "--progress",
        "json",
      );
      expect(code).toBe(1);
      expect(error).toContain(data);
      expect(error).toMatch(says);
      expect(error).toMatch(sentence);
    }
    expect(await listRunDirectories(join(folder, ".tunesmith", "runs"))).toEqual([]);
    expect(await listRunDirectories(join(folder, ".tunesmith", "demo", "runs"))).toEqual([]);
  });

  it.each([
    ["a missing file", (_file: string) => {}, /rows\.jsonl: there is no such file or folder\.$/],
    ["a folder", (file: string) => void mkdirSync(file), /rows\.jsonl is not a file/],
  ])("%s", async (_name, make, says) => {
    const folder = temporaryFolder();
    const data = join(folder, "rows.jsonl");
    make(data);
    for (const command of [["train"], ["demo"]]) {
      const { code, error } = await cli(
        folder,
        ...command,
        "--data",
        data,
        "--model",
        tinyPython,
        "--progress",
        "json",
      );
      expect(code).toBe(1);
      expect(error).toMatch(says);
    }
  });

  it.skipIf(process.getuid?.() !== 0)("a full disk", async () => {
    const folder = temporaryFolder();
    const data = writeRows(join(folder, "rows.jsonl"), 3000);
    const disk = join(folder, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", disk]);
    try {
      const { code, error } = await cli(
        folder,
        "train",
        "--data",
        data,
        "--model",
        tinyPython,
        "--out",
        disk,
        "--progress",
        "json",
      );
      expect(code).toBe(1);
      expect(error).toContain(disk);
      expect(error).toMatch(/disk is full|no space/i);
      expect(error).toMatch(sentence);
      expect(readdirSync(disk)).toEqual([".gitignore"]);
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});

it("lists a run whose run.json is damaged, with the reason", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "20260101-000000-a"));
  writeFileSync(join(folder, "20260101-000000-a", "run.json"), "{}");
  const { code, stdout } = await cli(folder, "runs", folder);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^20260101-000000-a {2}unreadable {2}.*run\.json: version is missing\.$/m);
});
