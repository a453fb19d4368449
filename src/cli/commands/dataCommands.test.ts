import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkIds } from "../../dataset/checks/table";
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
  const bad = '{"prompt": "a", "completion": 1}\n';

  it("lists problems with their places, most serious first, and a line of totals", async () => {
    write("data.jsonl", `${good}{"prompt": "b", "completion": ""}\n{,}\n`);
    const { code, stdout, stderr } = await run("validate", "data.jsonl");
    expect([code, stderr]).toEqual([1, ""]);
    expect(lines(stdout)).toEqual([
      expect.stringMatching(/^data\.jsonl:3:2: error: Expected a key.* \(json-syntax\)$/),
      'data.jsonl:2:31: warning: "completion" is empty: it must hold the text to learn. (empty-answer)',
      "data.jsonl: prompt-completion, 3 rows, 1 usable, 1 error, 1 warning.",
    ]);
  });

  it("ends with 0 without errors, 1 with errors, 2 where it could not run", async () => {
    write("good.jsonl", `${good}{"prompt": "b", "completion": ""}\n`);
    write("bad.jsonl", bad);
    expect((await run("validate", "good.jsonl")).code).toBe(0);
    expect((await run("validate", "good.jsonl", "bad.jsonl")).code).toBe(1);
    expect((await run("validate", "bad.jsonl", "--check", "wrong-type=warning")).code).toBe(0);
    const missing = await run("validate", "nope.jsonl", "bad.jsonl");
    expect(missing).toMatchObject({
      code: 2,
      stderr: `${join(folder, "nope.jsonl")}: there is no such file or folder.\n`,
    });
    expect(missing.stdout).toContain("bad.jsonl:1:31: error:");
    expect(await run("validate", ".")).toMatchObject({ code: 2, stderr: expect.stringContaining("is not a file") });
  });

  it.each([
    [["--format", "x"], '--format must be text, json or sarif, not "x".'],
    [["--checks", "some"], "--checks must be auto, all or structure"],
    [["--check", "nonsense=error"], 'There is no check "nonsense"'],
    [["--check", "refusal=bad"], "--check refusal must be error, warning, information or off"],
    [["--check", "refusal"], "--check must be a pair NAME=VALUE"],
    [["--data-format", "x"], 'There is no data set format "x"'],
    [["--data-format", "alpaca", "--field", "answr=a"], 'no part "answr"'],
    [["--report", "report.txt"], "must name a file that ends with .md"],
    [["--settings", "{"], "--settings must be JSON"],
    [["--tokenizer", "."], "has no tokenizer.json"],
    [["--template", "x"], 'There is no template "x"'],
    [["--max-problems", "-1"], "--max-problems"],
    [["--held-out", "data.jsonl"], "is the data set itself"],
    [["--held-out", "nope.jsonl"], "nope.jsonl: there is no such file or folder."],
  ])("refuses %j", async (options, says) => {
    write("data.jsonl", good);
    // An option's value that begins with a hyphen has to be joined to it.
    const joined = options.length === 2 ? [`${options[0]}=${options[1]}`] : options;
    const { code, stderr } = await run("validate", "data.jsonl", ...joined);
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
  });

  it("prints a JSON document a file", async () => {
    write("data.jsonl", `${good}{"prompt": "é😀", "completion": 1}\n`);
    write("other.jsonl", good);
    const { stdout } = await run("validate", "data.jsonl", "other.jsonl", "--format", "json");
    const [document, other] = json(stdout);
    expect(document).toEqual({
      file: "data.jsonl",
      format: "prompt-completion",
      rows: 2,
      totals: {
        error: 1,
        warning: 0,
        information: 0,
        byCheck: { "wrong-type": 1 },
        usable: 1,
        checks: "all",
      },
      problems: [
        {
          row: 2,
          line: 2,
          column: 33,
          endColumn: 34,
          check: "wrong-type",
          severity: "error",
          message: '"completion" is a number: it must be a text in quotes.',
        },
      ],
    });
    expect(other).toMatchObject({ file: "other.jsonl", problems: [] });
  });

  it("tells a SARIF log which files could not be read", async () => {
    write("good.jsonl", good);
    const { code, stdout } = await run("validate", "good.jsonl", "absent.jsonl", "--format", "sarif");
    expect(code).toBe(2);
    expect(JSON.parse(stdout).runs[0].invocations).toEqual([
      {
        executionSuccessful: false,
        toolExecutionNotifications: [{ level: "error", message: { text: expect.stringContaining("absent.jsonl") } }],
      },
    ]);
  });

  it("prints one SARIF log", async () => {
    write("a b.jsonl", `${good}{"prompt": "x", "completion": 1}\n{"prompt": "y", "completion": 1}\n`);
    const { code, stdout } = await run("validate", "a b.jsonl", "--format", "sarif", "--max-problems", "1");
    expect(code).toBe(1);
    const log = JSON.parse(stdout);
    expect(log.version).toBe("2.1.0");
    const [sarifRun] = log.runs;
    expect(sarifRun).toMatchObject({
      tool: { driver: { name: "Tunesmith", version: expect.stringMatching(/^\d/) } },
      columnKind: "utf16CodeUnits",
      invocations: [
        {
          executionSuccessful: true,
          toolExecutionNotifications: [{ message: { text: expect.stringContaining("1 more") } }],
        },
      ],
    });
    const { rules } = sarifRun.tool.driver;
    expect(rules.map(({ id }: { id: string }) => id)).toEqual(checkIds);
    expect(rules[0]).toMatchObject({
      id: "json-syntax",
      name: "JsonSyntax",
      shortDescription: { text: "Invalid JSON" },
      helpUri: expect.stringMatching(/^file:\/\/.*\/docs\/checks\/json-syntax\.md$/),
      defaultConfiguration: { level: "error" },
    });
    expect(sarifRun.results).toEqual([
      {
        ruleId: "wrong-type",
        ruleIndex: checkIds.indexOf("wrong-type"),
        level: "error",
        message: { text: expect.stringContaining('"completion" is a number') },
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: "a%20b.jsonl", uriBaseId: "ROOT" },
              region: { startLine: 2, startColumn: 31, endLine: 2, endColumn: 32 },
            },
          },
        ],
      },
    ]);
  });

  it("lists as many problems as it is told", async () => {
    write("data.jsonl", bad.repeat(5));
    expect(lines((await run("validate", "data.jsonl", "--max-problems", "2")).stdout).slice(2)).toEqual([
      "3 more problems in data.jsonl are not listed; --max-problems sets how many are.",
      "data.jsonl: prompt-completion, 5 rows, 0 usable, 5 errors. No row can be used: a run on this file cannot start.",
    ]);
  });

  it("says it where texts were not checked", async () => {
    write("data.jsonl", '{"prompt": "a", "completion": "\\u0007"}\n');
    expect((await run("validate", "data.jsonl")).stdout).toContain("(control-character)");
    expect(lines((await run("validate", "data.jsonl", "--checks", "structure")).stdout)).toEqual([
      "data.jsonl: prompt-completion, 1 row, 1 usable, no problems.",
      expect.stringMatching(/texts were not: --checks all/),
    ]);
  });

  it("writes a report to read, and one to compute with", async () => {
    write("data.jsonl", `${good}${bad}`);
    const { stdout } = await run("validate", "data.jsonl", "--report", "out.md");
    expect(lines(stdout).at(-1)).toBe(`Report: ${join(folder, "out.md")}`);
    const document = JSON.parse((await run("validate", "data.jsonl", "--format", "json")).stdout);
    expect(JSON.parse(readFileSync(join(folder, "out.json"), "utf8"))).toEqual(document);
    const page = readFileSync(join(folder, "out.md"), "utf8");
    expect(page).toContain("| Problems | 1 (errors: 1, warnings: 0, notes: 0) |");
    expect(page).toMatch(
      /\| \[wrong-type\]\((?!\w+:).*docs\/checks\/wrong-type\.md\) \| Value of the wrong type \| 1 \|/,
    );
    expect(page).toContain("- [row 2, column 31](data.jsonl#L2): ");
  });

  it("reads rows as it is told, by options or by the editor's settings", async () => {
    write("data.jsonl", '{"ask": "a", "reply": {"text": "b"}}\n');
    expect((await run("validate", "data.jsonl")).code).toBe(1);
    const fields = ["--field", "instruction=ask", "--field", "answer=reply.text"];
    expect((await run("validate", "data.jsonl", ...fields)).stdout).toContain("alpaca, 1 row, 1 usable, no problems");
    const dataSets = { "*.jsonl": { fields: { instruction: "ask", answer: "reply.text" } } };
    const settings = (checks: Record<string, string>) => JSON.stringify({ dataSets, checks });
    expect((await run("validate", "data.jsonl", "--settings", settings({}))).code).toBe(0);
    write("data.jsonl", '{"ask": "a", "reply": {"text": ""}}\n');
    expect((await run("validate", "data.jsonl", "--settings", settings({ "empty-answer": "error" }))).code).toBe(1);
    expect((await run("validate", "data.jsonl", "--data-format", "chat")).code).toBe(1);
  });

  it("counts tokens with a tokenizer", async () => {
    write("data.jsonl", `${good}${JSON.stringify({ prompt: "a", completion: "x = 1\n".repeat(40) })}\n`);
    const model = ["--tokenizer", resolve("models/tiny-python"), "--sequence-length", "64"];
    const { stdout } = await run("validate", "data.jsonl", ...model);
    expect(stdout).toMatch(/data\.jsonl:2:\d+: warning: The row has \d+ tokens, .* \(over-length\)/);
    expect(stdout).toContain("2 rows, 1 usable");
  });

  it("speaks the job protocol", async () => {
    write("data.jsonl", `${good}[]\n`);
    const messages = json((await run("validate", "data.jsonl", "--progress", "json")).stdout);
    const [problem, result] = messages.slice(-2);
    expect(problem).toMatchObject({
      type: "problem",
      file: join(folder, "data.jsonl"),
      row: 2,
      column: 1,
      endColumn: 3,
      check: "not-an-object",
      severity: "error",
    });
    expect(result).toEqual({
      type: "result",
      value: {
        file: "data.jsonl",
        format: "prompt-completion",
        rows: 2,
        totals: { error: 1, warning: 0, information: 0, byCheck: { "not-an-object": 1 }, usable: 1, checks: "all" },
        notCompared: { exact: 0, near: 0 },
        report: null,
      },
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
    expect((await run("validate", "rows.jsonl")).stdout).toBe("rows.jsonl: alpaca, 16 rows, 16 usable, no problems.\n");
  });

  it("fails on a folder that is none and without --out", async () => {
    expect((await run("dataset", "from-python", ".")).code).toBe(2);
    expect(await run("dataset", "from-python", "nope", "-o", "x")).toMatchObject({
      code: 1,
      stderr: `${join(folder, "nope")}: there is no such file or folder.\n`,
    });
  });
});
