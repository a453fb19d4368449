import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CliProcess, runCli } from "../cli";
import { command } from "./datasetConvert";

async function run(content: string, ...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
  writeFileSync(join(folder, "a.jsonl"), content);
  const written = { stdout: "", stderr: "" };
  const process: CliProcess = {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    cwd: () => folder,
    on: () => {},
    off: () => {},
  };
  const registered = [{ name: command.name, summary: command.summary, load: async () => command }];
  const code = await runCli(["dataset", "convert", "a.jsonl", ...args], process, registered);
  const cleaned = (text: string) => text.replaceAll(`${folder}/`, "");
  return { code, stdout: cleaned(written.stdout), stderr: cleaned(written.stderr), folder };
}

const rows = `{"instruction":"q","input":"x","output":"a"}\n{"instruction":"q","output":5}\n`;

describe("tunesmith dataset convert", () => {
  it("writes the rows and says what is lost and left out", async () => {
    const { code, stdout, stderr, folder } = await run(rows, "--to", "prompt-completion", "-o", "b.jsonl");
    expect(code).toBe(0);
    expect(readFileSync(join(folder, "b.jsonl"), "utf8")).toBe('{"prompt":"q\\n\\nx","completion":"a"}\n');
    expect(stdout).toBe(
      "b.jsonl: 1 row from alpaca to prompt-completion.\nLeft out: 1 row.\nLost in 1 row: what is the instruction and what its input.\n",
    );
    expect(stderr).toContain('a.jsonl:2: "output" is a number');
  });

  it.each([
    [["-o", "b.jsonl"], 2, "--to is missing."],
    [["--to", "chat"], 2, "--output is missing."],
    [["--to", "xml", "-o", "b.jsonl"], 1, 'There is no format "xml" to convert to: choose one of alpaca,'],
    [["--to", "chat", "-o", "a.jsonl"], 1, "a.jsonl is the data set itself: name another file to write."],
    [["--to", "chat", "-o", "b.jsonl", "--from", "xml"], 1, 'There is no data set format "xml"'],
  ])("refuses %j", async (args, code, message) => {
    const result = await run(rows, ...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
  });
});
