import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultSettings } from "../../run/runSpec";
import { type CliProcess, runCli } from "../cli";
import type { Command } from "../command";
import { command as fromPython } from "./datasetFromPython";
import { command as prepare } from "./prepare";
import { command as validate } from "./validate";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "data-commands-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const process: CliProcess = {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    cwd: () => folder,
    on: () => {},
    off: () => {},
  };
  const registered = [validate, prepare, fromPython].map((command: Command) => ({
    name: command.name,
    summary: command.summary,
    load: async () => command,
  }));
  return { code: await runCli(argv, process, registered), ...written };
}

const write = (name: string, content: string) => writeFileSync(join(folder, name), content);
const lines = (text: string) => text.trimEnd().split("\n");
const json = (text: string) => lines(text).map((line) => JSON.parse(line));
const good = '{"prompt": "a", "completion": "b"}\n';

describe("tunesmith validate", () => {
  it("lists problems with their place and ends well if some row can be used", async () => {
    write("data.jsonl", `${good}{"prompt": "a", "completion": ""}\n{,}\n`);
    const { code, stdout } = await run("validate", "data.jsonl");
    expect(code).toBe(0);
    expect(lines(stdout)).toEqual([
      `${join(folder, "data.jsonl")}:2:31: "completion" is empty: it must hold the text to learn.`,
      expect.stringMatching(/data\.jsonl:3:2: Expected a key/),
      "prompt-completion: 3 rows, 1 usable, 2 problems (1 empty-answer, 1 invalid-json).",
    ]);
  });

  it("fails where no row can be used, and on an empty file", async () => {
    write("data.jsonl", '{"prompt": "a"}\n');
    const broken = await run("validate", "data.jsonl");
    expect(broken.code).toBe(1);
    expect(lines(broken.stdout).at(-1)).toContain("No row can be used: a run on this file cannot start.");
    write("data.jsonl", `[\n  ${good.trim()},\n  ${good}]\n`);
    expect((await run("validate", "data.jsonl")).code).toBe(0);
    write("data.jsonl", '[\n  {\n    "prompt": "a"\n  }\n]\n');
    expect(lines((await run("validate", "data.jsonl")).stdout).at(-1)).toContain("is one JSON array, not JSON Lines");
    write("data.jsonl", "");
    const empty = await run("validate", "data.jsonl");
    expect([empty.code, empty.stdout]).toEqual([
      1,
      `${join(folder, "data.jsonl")} is empty: it must hold one row a line.\n`,
    ]);
  });

  it("prints JSON lines", async () => {
    write("data.jsonl", `${good}{"prompt": 1, "completion": "b"}\n`);
    const [problem, totals] = json((await run("validate", "data.jsonl", "--format", "json")).stdout);
    expect(problem).toMatchObject({ row: 2, column: 12, reason: "wrong-type", path: ["prompt"] });
    expect(totals).toMatchObject({ format: "prompt-completion", rows: 2, usable: 1, problems: 1 });
  });

  it("speaks the job protocol", async () => {
    write("data.jsonl", `${good}[]\n`);
    const messages = json((await run("validate", "data.jsonl", "--progress", "json")).stdout);
    expect(messages.map(({ type }) => type)).toEqual(["problem", "progress", "result"]);
    expect(messages[0]).toMatchObject({ file: join(folder, "data.jsonl"), row: 2, reason: "not-an-object" });
  });

  it("checks against another format when told to, and refuses unknown ones", async () => {
    write("data.jsonl", good);
    expect((await run("validate", "data.jsonl", "--data-format", "chat")).code).toBe(1);
    expect(await run("validate", "data.jsonl", "--data-format", "x")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no data set format "x"'),
    });
    expect((await run("validate", "data.jsonl", "--format", "x")).code).toBe(2);
    expect(await run("validate", "nope.jsonl")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nope.jsonl"),
    });
  });
});

describe("tunesmith prepare", () => {
  function spec(dataset: string): void {
    mkdirSync(join(folder, "run"));
    const run = {
      version: 1,
      id: "r",
      name: "r",
      createdAt: "2026-01-01T00:00:00.000Z",
      model: { path: resolve("models/tiny-python") },
      dataset: {
        path: join(folder, dataset),
        format: "auto",
        template: "auto",
        heldOut: { kind: "none" },
        maxTrainRows: null,
        maxEvalRows: null,
      },
      ...defaultSettings(),
    };
    write("run/run.json", JSON.stringify(run));
  }

  it("prepares the run that run.json asks for", async () => {
    write("data.jsonl", `${good}{}\n${good}`);
    spec("data.jsonl");
    const { code, stdout, stderr } = await run("prepare", "--run", "run");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Training: 2 rows, \d+ tokens \(\d+ learned\) in 1 sequences\n/);
    expect(stdout).toContain("Template prompt-completion; 1 row skipped.");
    expect(stderr).toContain(`${join(folder, "data.jsonl")}:2: The row has none of the fields`);
    const messages = json((await run("prepare", "--run", "run", "--progress", "json")).stdout);
    expect(messages.at(-1)).toMatchObject({ type: "result", value: { manifest: { train: { rows: 2 } } } });
    expect(messages.at(-1).value.manifest).toEqual(
      JSON.parse(readFileSync(join(folder, "run/data/manifest.json"), "utf8")),
    );
  });

  it("fails in one sentence", async () => {
    spec("nope.jsonl");
    const missing = await run("prepare", "--run", "run");
    expect(missing.code).toBe(1);
    expect(lines(missing.stderr).at(-1)).toBe(`${join(folder, "nope.jsonl")}: there is no such file or folder.`);
    expect((await run("prepare", "--run", "elsewhere")).stderr).toContain("is not a run directory");
    expect((await run("prepare")).code).toBe(2);
  });
});

describe("tunesmith dataset from-python", () => {
  it("writes rows and says what it left out", async () => {
    const fixtures = resolve("test/fixtures/dataset/python");
    const { code, stdout } = await run("dataset", "from-python", fixtures, "--out", "rows.jsonl", "--skip-tests");
    expect(code).toBe(0);
    expect(lines(stdout)).toEqual([
      `${join(folder, "rows.jsonl")}: 16 rows from 5 of 7 files.`,
      expect.stringMatching(/^Functions left out: 4 no-docstring, .*1 duplicate\.$/),
      "Files left out: 1 unknown-encoding, 1 not-utf8.",
    ]);
    expect((await run("validate", "rows.jsonl")).stdout).toBe("alpaca: 16 rows, 16 usable, no problems.\n");
  });

  it("fails on a folder that is none and without --out", async () => {
    expect((await run("dataset", "from-python", ".")).code).toBe(2);
    expect(await run("dataset", "from-python", "nope", "-o", "x")).toMatchObject({
      code: 1,
      stderr: `${join(folder, "nope")}: there is no such file or folder.\n`,
    });
  });
});
