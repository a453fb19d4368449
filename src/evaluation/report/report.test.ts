import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EvaluatedAnswer, EvaluationReport, ModelAnswer, ModelFigures } from "../../protocol/evaluation";
import { byChange, changeOf } from "./change";
import { reportMarkdown } from "./markdown";
import { adapterSha256, evaluationPaths, readAnswers, readReport, writeEvaluation } from "./reportFiles";
import { reportSentence } from "./sentence";

const figures: ModelFigures = {
  loss: 1.25,
  ended: { count: 3, of: 4 },
  parses: { count: 2, of: 4 },
  exact: { count: 1, of: 4 },
  similarity: 0.5,
  tokens: 12.5,
  passed: null,
};
const report: EvaluationReport = {
  version: 1,
  createdAt: "2026-11-23T04:00:00.000Z",
  settings: { rows: 50, maxTokens: 256, seed: 0 },
  adapter: { sha256: "ab".repeat(32), step: 60, early: false },
  instructions: { heldOut: 13, answered: 4 },
  heldOut: { targets: 205, documents: 13 },
  base: { ...figures, loss: 2.5, ended: { count: 0, of: 4 } },
  tuned: figures,
  tests: { state: "none" },
  seconds: 12,
};
const model = (changes: Partial<ModelAnswer> = {}): ModelAnswer => ({
  text: "x = 1",
  ended: true,
  tokens: 4,
  exact: false,
  similarity: 0.5,
  parses: true,
  passed: null,
  failure: null,
  ...changes,
});
const answer = (changes: Partial<EvaluatedAnswer> = {}): EvaluatedAnswer => ({
  file: "/data/rows.jsonl",
  row: 3,
  prompt: "Say x.",
  expected: "x",
  python: true,
  base: model(),
  tuned: model({ similarity: 0.75 }),
  ...changes,
});

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "tunesmith-report-"));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

function put(name: "report" | "answers", content: string): void {
  mkdirSync(evaluationPaths(run).folder, { recursive: true });
  writeFileSync(evaluationPaths(run)[name], content);
}

describe("an evaluation on disk", () => {
  it("is read as it was written", async () => {
    await writeEvaluation(run, "Try", report, [answer(), answer({ row: 4 })]);
    expect(await readReport(run)).toEqual(report);
    expect(await readAnswers(run)).toEqual([answer(), answer({ row: 4 })]);
    expect(readdirSync(evaluationPaths(run).folder).sort()).toEqual(["answers.jsonl", "report.json", "report.md"]);
  });

  it("is none where there is none", async () => {
    expect(await readReport(run)).toBeNull();
    expect(await readAnswers(run)).toEqual([]);
  });

  it.each([
    ["no JSON", "{"],
    ["another value", "[]"],
    ["a missing figure", JSON.stringify({ ...report, tuned: undefined })],
    ["a share above its whole", JSON.stringify({ ...report, tuned: { ...figures, ended: { count: 5, of: 4 } } })],
    ["a negative count", JSON.stringify({ ...report, tuned: { ...figures, ended: { count: -1, of: 4 } } })],
    ["a similarity above 1", JSON.stringify({ ...report, tuned: { ...figures, similarity: 7 } })],
    ["a loss that is no number", JSON.stringify({ ...report, base: { ...figures, loss: "low" } })],
    ["a date that is none", JSON.stringify({ ...report, createdAt: "<img>" })],
    ["tests in no known state", JSON.stringify({ ...report, tests: { state: "perhaps" } })],
  ])("is refused in one sentence where it has %s", async (_name, content) => {
    put("report", content);
    await expect(readReport(run)).rejects.toThrow(/report\.json is damaged: evaluate the run again\.$/);
  });

  it("of a newer version says so", async () => {
    put("report", JSON.stringify({ ...report, version: 2 }));
    await expect(readReport(run)).rejects.toThrow("newer version of Tunesmith");
  });

  it("leaves fields out that it does not know", async () => {
    put("report", JSON.stringify({ ...report, colour: "green" }));
    expect(await readReport(run)).toEqual(report);
  });

  it("is not read through a link, nor without end", async () => {
    const outside = join(run, "outside.json");
    writeFileSync(outside, JSON.stringify(report));
    mkdirSync(evaluationPaths(run).folder);
    symlinkSync(outside, evaluationPaths(run).report);
    await expect(readReport(run)).rejects.toThrow("is a link");
    rmSync(evaluationPaths(run).report);
    put("report", " ".repeat(2 << 20));
    await expect(readReport(run)).rejects.toThrow("is larger than");
  });

  it("is not written through a link", async () => {
    const outside = join(run, "outside");
    mkdirSync(outside);
    symlinkSync(outside, evaluationPaths(run).folder);
    await expect(writeEvaluation(run, "Try", report, [])).rejects.toThrow("is not a folder of the run's own");
    expect(readdirSync(outside)).toEqual([]);
  });

  it("does not follow a link, nor wait for a pipe, in the adapter's place", async () => {
    const adapter = join(run, "adapter", "adapter_model.safetensors");
    mkdirSync(join(run, "adapter"));
    symlinkSync("/etc/hostname", adapter);
    await expect(adapterSha256(run)).rejects.toThrow("is a link");
    rmSync(adapter);
    execFileSync("mkfifo", [adapter]);
    await expect(adapterSha256(run)).rejects.toThrow("is not a plain file");
  });

  it("gives the answers that can be read", async () => {
    const broken = JSON.stringify({ ...answer(), base: { ...model(), similarity: 2 } });
    put(
      "answers",
      `nonsense\n${JSON.stringify(answer())}\n${broken}\n{"row": 1}\n${JSON.stringify(answer({ row: 9 }))}`,
    );
    expect((await readAnswers(run)).map(({ row }) => row)).toEqual([3, 9]);
  });

  it("knows the adapter by its bytes", async () => {
    expect(await adapterSha256(run)).toBeNull();
    mkdirSync(join(run, "adapter"));
    writeFileSync(join(run, "adapter", "adapter_model.safetensors"), "abc");
    expect(await adapterSha256(run)).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("how an answer has changed", () => {
  it("counts tests before parsing, and parsing before nearness", () => {
    const change = (base: Partial<ModelAnswer>, tuned: Partial<ModelAnswer>) =>
      changeOf({ base: model(base), tuned: model(tuned) });
    expect(change({ similarity: 1, passed: false }, { similarity: 0, passed: true })).toBeGreaterThan(0);
    expect(change({ similarity: 0.9, parses: false }, { similarity: 0.1 })).toBeGreaterThan(0);
    expect(change({ similarity: 0.4 }, { similarity: 0.3 })).toBeLessThan(0);
    expect(change({}, {})).toBe(0);
  });

  it("orders the most improved first", () => {
    const answers = [
      answer({ row: 1, tuned: model({ similarity: 0.1 }) }),
      answer({ row: 2, tuned: model({ similarity: 0.9 }) }),
      answer({ row: 3, tuned: model() }),
    ];
    expect(byChange(answers).map((entry) => entry.answer.row)).toEqual([2, 3, 1]);
  });
});

describe("the report for people", () => {
  it("says what has changed in a sentence with counts", () => {
    expect(reportSentence(report)).toBe(
      "Held-out loss 2.500 → 1.250; stops by itself 0 → 3 of 4; parses 2 → 2 of 4; exact 1 → 1 of 4.",
    );
  });

  it("has a table, the reason why no tests were run, and the best and worst answers", () => {
    const tests = { state: "refused", rows: 4, reason: "There is no python3 on the PATH." } as const;
    const worse = answer({ row: 8, tuned: model({ similarity: 0.1 }) });
    const text = reportMarkdown("Try", { ...report, tests }, [answer(), worse]);
    expect(text).toContain("| Stops by itself | 0 of 4 (0 %) | 3 of 4 (75 %) |");
    expect(text).toContain("4 rows carry tests, which were not run. There is no python3 on the PATH.");
    expect(text.indexOf("Row 3 of")).toBeLessThan(text.indexOf("## Worsened most"));
    expect(text.indexOf("Row 8 of")).toBeGreaterThan(text.indexOf("## Worsened most"));
  });

  it("lets no text of a run become Markdown or HTML", () => {
    const hostile = '<img src=x onerror="alert(1)"> [link](https://example.com) ````\n# heading\n```';
    const text = reportMarkdown(hostile, report, [answer({ prompt: hostile, file: hostile })]);
    const outside = withoutBlocks(text);
    expect(outside).not.toContain("<img");
    expect(outside).not.toContain("](");
    expect(outside).not.toContain("example.com)");
    expect(outside.split("\n").filter((line) => line.startsWith("# "))).toHaveLength(1);
  });
});

/** What a Markdown reader takes for text: the lines outside of fenced blocks. */
function withoutBlocks(markdown: string): string {
  let fence = "";
  const outside: string[] = [];
  for (const line of markdown.split("\n")) {
    const mark = /^(`{3,})(\w*)$/.exec(line);
    if (fence === "" && mark !== null) fence = mark[1]!;
    else if (fence !== "" && mark !== null && mark[2] === "" && mark[1]!.length >= fence.length) fence = "";
    else if (fence === "") outside.push(line);
  }
  expect(fence).toBe("");
  return outside.join("\n");
}
