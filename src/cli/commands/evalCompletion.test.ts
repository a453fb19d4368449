import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TINY_PYTHON, temporaryFolder } from "../../model/testModel";
import { type CliProcess, runCli } from "../cli";

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const nothing = () => undefined;
  const code = await runCli(args, {
    stdout: { write: (text: string): unknown => (out += text) },
    stderr: { write: (text: string): unknown => (err += text) },
    cwd: () => process.cwd(),
    on: nothing,
    off: nothing,
  } as CliProcess);
  return { code, out, err };
}

const code = `import os


def read_lines(path, limit=10):
    with open(path) as file:
        lines = [line.strip() for line in file if line]
    if not lines:
        return None
    return lines[:limit]


def write_lines(path, lines):
    with open(path, "w") as file:
        for line in lines:
            file.write(line + "\\n")
`;

describe("tunesmith dataset infilling-tasks and eval-completion", () => {
  it("cut tasks from files and judge a base model by them", async () => {
    const folder = temporaryFolder("tasks");
    mkdirSync(join(folder, "src"));
    writeFileSync(join(folder, "src", "lines.py"), code);
    const tasks = join(folder, "tasks.jsonl");
    const made = await cli("dataset", "infilling-tasks", join(folder, "src"), "--out", tasks, "--count", "6");
    expect([made.code, made.out]).toEqual([0, expect.stringMatching(/tasks\.jsonl: 6 tasks \(.*\) from 1 files\.\n$/)]);
    const lines = readFileSync(tasks, "utf8").trim().split("\n");
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, string>);
    for (const { prompt, canonical_solution, suffix } of parsed)
      expect(prompt + canonical_solution + suffix).toBe(code);
    expect(new Set(parsed.map(({ task_id }) => task_id)).size).toBe(6);

    const out = join(folder, "judged.jsonl");
    const asked = ["--model", TINY_PYTHON, "--tasks", tasks, "--limit", "4", "--max-tokens", "24", "--out", out];
    const judged = await cli("eval-completion", ...asked, "--format", "json");
    expect(judged.code).toBe(0);
    const figures = JSON.parse(judged.out.trim().split("\n").at(-1)!);
    expect(Object.keys(figures)).toEqual([
      "tasks",
      "exactMatch",
      "editSimilarity",
      "parseRate",
      "stopRate",
      "firstTokenMs",
    ]);
    expect(figures.tasks).toBe(4);
    for (const share of [figures.exactMatch, figures.editSimilarity, figures.parseRate, figures.stopRate]) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
    expect(figures.firstTokenMs.p95).toBeGreaterThanOrEqual(figures.firstTokenMs.p50);
    const results = readFileSync(out, "utf8").trim().split("\n");
    expect(results.map((line) => JSON.parse(line).task_id)).toEqual(parsed.slice(0, 4).map(({ task_id }) => task_id));
  });

  it.each<[string[], number, RegExp]>([
    [["--tasks", "x"], 2, /--model is missing/],
    [["--model", TINY_PYTHON], 2, /--tasks is missing/],
    [["--model", TINY_PYTHON, "--tasks", "x", "--precision", "int2"], 2, /--precision must be fp32, int8, int4/],
    [["--model", TINY_PYTHON, "--tasks", "x", "--limit", "0"], 2, /--limit must be a whole number/],
    [["--model", TINY_PYTHON, "--tasks", "/no/such"], 1, /\/no\/such: there is no such file/],
  ])("with %j ends with %i", async (args, expected, message) => {
    const { code, err } = await cli("eval-completion", ...args);
    expect([code, err]).toEqual([expected, expect.stringMatching(message)]);
  });

  it("names file, line and field of a malformed task before a model is loaded", async () => {
    const tasks = join(temporaryFolder("broken"), "tasks.jsonl");
    writeFileSync(tasks, '{"task_id": "a", "prompt": "", "suffix": 1, "canonical_solution": "x"}\n');
    const { code, err } = await cli("eval-completion", "--model", "/no/such", "--tasks", tasks);
    expect([code, err.trim()]).toEqual([1, `${tasks}, line 1: "suffix" must be a text, not 1.`]);
  });
});
