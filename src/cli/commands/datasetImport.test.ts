import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CliProcess, runCli } from "../cli";
import { command } from "./datasetImport";

/** Runs the command in a folder with the files given. */
async function run(files: Record<string, string>, ...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const written = { stdout: "", stderr: "" };
  const process: CliProcess = {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    cwd: () => folder,
    on: () => {},
    off: () => {},
  };
  const registered = [{ name: command.name, summary: command.summary, load: async () => command }];
  const code = await runCli(["dataset", "import", ...args], process, registered);
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  const cleaned = (text: string) => text.replaceAll(`${folder}/`, "");
  return { code, stdout: cleaned(written.stdout), stderr: cleaned(written.stderr), read };
}

describe("tunesmith dataset import", () => {
  it("writes the columns that were named and says what was left out", async () => {
    const csv = "id,question,answer\n1,q,a\n";
    const { code, stdout, read } = await run(
      { "a.csv": csv },
      "a.csv",
      "-o",
      "b.jsonl",
      "--columns",
      "instruction=question,output=answer",
    );
    expect(code).toBe(0);
    expect(read("b.jsonl")).toBe('{"instruction":"q","output":"a"}\n');
    expect(stdout).toBe("b.jsonl: 1 row (instruction, output) from a.csv.\nColumns left out: id.\n");
  });

  it("reports lines that are left out, and what was replaced", async () => {
    const { code, stdout, stderr } = await run({ "a.jsonl": '{"a": NaN}\n{"a"\n' }, "a.jsonl", "-o", "b.jsonl");
    expect(code).toBe(0);
    expect(stderr).toContain("a.jsonl:2: ");
    expect(stdout).toContain("Lines left out: 1 json-syntax.\n1 NaN or infinite number written as null.");
  });

  it("tells what a source holds as a job's result", async () => {
    const { stdout } = await run(
      { "a.json": '{"train": [{"text": "a"}], "test": [{"text": "b"}]}' },
      "a.json",
      "--inspect",
      "--progress",
      "json",
    );
    expect(JSON.parse(stdout)).toEqual({
      type: "result",
      value: {
        sourceFormat: "json",
        configs: [],
        splits: ["train", "test"],
        format: "text",
        columns: [{ path: "text", preview: "a" }],
      },
    });
  });

  it.each([
    [["a.csv"], 2, "--output is missing."],
    [
      ["a.csv", "-o", "b.jsonl", "--format", "xml"],
      2,
      '--format must be auto, parquet, json, csv, tsv, arrow, not "xml".',
    ],
    [["a.csv", "-o", "a.csv"], 1, "a.csv exists already: name another file, or replace it with --force."],
    [["c.csv", "-o", "b.jsonl"], 1, "c.csv: there is no such file or folder."],
    [["a.csv", "-o", "b.jsonl", "--columns", "x=y"], 1, 'There is no column "y": the columns are a.'],
  ])("refuses %j", async (args, code, message) => {
    const result = await run({ "a.csv": "a\n1\n" }, ...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
  });
});
