import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { goldenFolder, goldenRun, TINY_PYTHON, temporaryFolder } from "../../model/testModel";
import { type CliProcess, runCli } from "../cli";

/** export, evaluate and complete as the shell calls them. */
async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const stdout = { write: (text: string): unknown => (out += text) };
  const stderr = { write: (text: string): unknown => (err += text) };
  const nothing = () => undefined;
  const code = await runCli(args, {
    stdout,
    stderr,
    cwd: () => process.cwd(),
    on: nothing,
    off: nothing,
  } as CliProcess);
  return { code, out, err };
}

const messages = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Stands for the engine where its answers do not matter: it fails. */
let failingEngine: string;
beforeAll(() => {
  failingEngine = join(temporaryFolder("engine"), "engine");
  writeFileSync(failingEngine, "#!/bin/sh\necho 'The engine has a cold.' >&2\nexit 1\n", { mode: 0o755 });
});

describe("tunesmith complete", () => {
  it("continues a prompt with a base model", async () => {
    const { code, out } = await cli(
      "complete",
      "--model",
      TINY_PYTHON,
      "--prompt",
      "import numpy as ",
      "--single-line",
    );
    expect(code).toBe(0);
    expect(out).toBe("np\n");
  });

  it("takes files and gives figures", async () => {
    const folder = temporaryFolder("code");
    writeFileSync(join(folder, "prefix"), "def add(a, b):\n    return ");
    writeFileSync(join(folder, "suffix"), "\n\n\nprint(add(1, 2))\n");
    const files = ["--prefix-file", join(folder, "prefix"), "--suffix-file", join(folder, "suffix")];
    const limits = ["--max-tokens", "12", "--format", "json", "--progress", "json"];
    const { code, out } = await cli("complete", "--model", TINY_PYTHON, ...files, ...limits);
    expect(code).toBe(0);
    const { type, value } = messages(out).at(-1);
    expect(type).toBe("result");
    expect(value).toMatchObject({ mode: "fim", reusedTokens: 0, text: expect.stringMatching(/\w/) });
    expect(value.firstTokenMs).toBeGreaterThan(0);
    expect(value.generatedTokens).toBeLessThanOrEqual(12);
  });

  it.each<[string[], number, RegExp]>([
    [["--model", TINY_PYTHON], 2, /Give one of --prompt, --prefix-file and --instruction/],
    [["--model", TINY_PYTHON, "--prompt", "a", "--instruction", "b"], 2, /Give one of/],
    [["--prompt", "a"], 2, /--model is missing/],
    [["--model", TINY_PYTHON, "--prompt", "a", "--format", "xml"], 2, /--format must be text or json/],
    [["--model", TINY_PYTHON, "--prompt", "a", "--max-tokens", "0"], 2, /--max-tokens must be a whole number/],
    [["--model", "/no/such", "--prompt", "a"], 1, /\/no\/such is neither a run nor an exported model/],
    [["--model", TINY_PYTHON, "--prefix-file", "/no/such"], 1, /\/no\/such: there is no such file/],
    [["--model", TINY_PYTHON, "--instruction", "Add."], 1, /was not trained to answer instructions/],
  ])("with %j ends with %i", async (args, expected, message) => {
    const { code, err } = await cli("complete", ...args);
    expect([code, err]).toEqual([expected, expect.stringMatching(message)]);
  });
});

describe("tunesmith export", () => {
  it("says what went wrong, in text and as a message, and leaves nothing", async () => {
    const run = await goldenRun("peft-r8");
    cpSync(join(goldenFolder("peft-r8"), "adapter_final"), join(run, "adapter"), { recursive: true });
    const args = ["export", "--run", run, "--engine", failingEngine];
    expect(await cli(...args)).toMatchObject({ code: 1, err: expect.stringContaining("The engine has a cold.") });
    const { code, out } = await cli(...args, "--progress", "json");
    expect(code).toBe(1);
    const all = messages(out);
    expect(all.at(-1)).toEqual({ type: "error", message: "The engine has a cold." });
    expect(all[0]).toMatchObject({ type: "progress", stage: "Writing the model" });
    expect(existsSync(join(run, "export"))).toBe(false);
  });

  it("does not replace a folder that is no export", async () => {
    const out = join(temporaryFolder("out"), "mine");
    mkdirSync(out);
    const { code, err } = await cli("export", "--model", TINY_PYTHON, "--out", out, "--engine", failingEngine);
    expect([code, err]).toEqual([1, expect.stringContaining("exists and is not an export")]);
  });

  it.each<[string[], RegExp]>([
    [[], /Give either --run or --model/],
    [["--run", "a", "--model", "b"], /Give either --run or --model/],
  ])("with %j shows its usage", async (args, message) => {
    const { code, err } = await cli("export", ...args);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    expect(err).toContain("Usage: tunesmith export");
  });
});

describe("tunesmith evaluate", () => {
  it("says what is missing", async () => {
    const run = await goldenRun("peft-r8");
    expect(await cli("evaluate", "--run", run)).toMatchObject({
      code: 1,
      err: expect.stringContaining("holds no exported model (export.json is missing); export it first."),
    });
    expect(await cli("evaluate")).toMatchObject({ code: 2, err: expect.stringContaining("--run is missing") });
  });
});
