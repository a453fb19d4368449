import type { EvaluatedAnswer, EvaluationReport, ModelFigures, Share, TestRuns } from "../../protocol/evaluation";
import { byChange } from "./change";
import { reportSentence } from "./sentence";

/** Answers that are shown of the most and of the least improved. */
const SHOWN = 5;
/** Of a longer text only the beginning is shown; answers.jsonl has all of it. */
const LONGEST_TEXT = 4000;

/** report.md: what report.json says, for people; prompts and answers stand in code blocks, so that nothing in them is Markdown. */
export function reportMarkdown(name: string, report: EvaluationReport, answers: readonly EvaluatedAnswer[]): string {
  const { instructions, heldOut, adapter, settings } = report;
  const made = [
    `Evaluated ${report.createdAt} in ${Math.round(report.seconds)} s.`,
    `${instructions.answered} of ${instructions.heldOut} held-out instructions, drawn with seed ${settings.seed}, answers of at most ${settings.maxTokens} tokens.`,
    `Held-out loss over ${heldOut.targets.toLocaleString("en")} tokens of ${heldOut.documents.toLocaleString("en")} rows.`,
    adapterText(adapter),
  ];
  const ordered = byChange(answers);
  const best = ordered.filter(({ change }) => change > 0).slice(0, SHOWN);
  const worst = ordered
    .filter(({ change }) => change < 0)
    .slice(-SHOWN)
    .reverse();
  const parts = [
    `# Evaluation of ${plain(name)}`,
    reportSentence(report),
    table(report),
    made.map((line) => `- ${line}`).join("\n"),
    testsText(report.tests),
    section("Improved most", best, "No answer came closer to its row."),
    section("Worsened most", worst, "No answer moved away from its row."),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function adapterText({ step, early, sha256 }: EvaluationReport["adapter"]): string {
  const of = step === null ? "" : ` of step ${step}${early ? " (the best; the run ended early)" : ""}`;
  return `The adapter${of} has SHA-256 \`${plain(sha256).slice(0, 64)}\`.`;
}

function table({ base, tuned }: EvaluationReport): string {
  const rows: [string, (figures: ModelFigures) => string][] = [
    ["Held-out loss", ({ loss }) => loss.toFixed(4)],
    ["Perplexity", ({ loss }) => Math.exp(loss).toPrecision(4)],
    ["Stops by itself", ({ ended }) => shareText(ended)],
    ["Python parses", ({ parses }) => shareText(parses)],
    ["Exact match", ({ exact }) => shareText(exact)],
    ["Edit similarity", ({ similarity }) => (similarity === null ? "–" : similarity.toFixed(3))],
    ["Mean length, tokens", ({ tokens }) => (tokens === null ? "–" : tokens.toFixed(1))],
    ["Tests pass (pass@1)", ({ passed }) => (passed === null ? "–" : shareText(passed))],
  ];
  const lines = rows.map(([label, text]) => `| ${label} | ${text(base)} | ${text(tuned)} |`);
  return ["| | Base model | Tuned model |", "|---|---:|---:|", ...lines].join("\n");
}

function shareText({ count, of }: Share): string {
  return of === 0 ? "–" : `${count} of ${of} (${Math.round((count / of) * 100)} %)`;
}

function testsText(tests: TestRuns): string {
  switch (tests.state) {
    case "none":
      return "";
    case "not-asked":
      return `${rowsCarry(tests.rows)} tests, which were not run: nobody asked for code to be run.`;
    case "refused":
      return `${rowsCarry(tests.rows)} tests, which were not run. ${plain(tests.reason)}`;
    case "run":
      return `${rowsCarry(tests.rows)} tests. ${leftOutText(tests.leftOut)}`.trimEnd();
  }
}

function leftOutText(rows: number): string {
  return rows === 0
    ? ""
    : `${rows} of them say nothing and are left out: their own answers fail, or no answer is needed.`;
}

const rowsCarry = (rows: number) => (rows === 1 ? "1 row carries" : `${rows} rows carry`);

function section(title: string, entries: readonly { answer: EvaluatedAnswer }[], none: string): string {
  const shown = entries.map(({ answer }) => entry(answer)).join("\n\n");
  return `## ${title}\n\n${shown === "" ? none : shown}`;
}

function entry({ file, row, prompt, expected, base, tuned }: EvaluatedAnswer): string {
  const similarity = `edit similarity ${base.similarity.toFixed(2)} → ${tuned.similarity.toFixed(2)}`;
  return [
    `### Row ${row} of ${plain(file)}`,
    similarity,
    ...[
      ["Prompt", prompt],
      ["The row's answer", expected],
      [`Base model${base.ended ? "" : " (cut at the limit)"}`, base.text],
      [`Tuned model${tuned.ended ? "" : " (cut at the limit)"}`, tuned.text],
    ].map(([label, text]) => `${label}:\n\n${block(text!)}`),
  ].join("\n\n");
}

/** A fence that is longer than any in the text. */
function block(text: string): string {
  const shown = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  const longest = Math.max(2, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${shown}\n${fence}`;
}

/** A name within a line: nothing in it is Markdown or HTML. */
function plain(text: string): string {
  return text.replace(/[\r\n]+/g, " ").replace(/[\\`*_{}[\]<>()#+!|~&:]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
