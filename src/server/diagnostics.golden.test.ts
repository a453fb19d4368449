import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { RowInspector } from "../dataset/checks/inspectRow";
import { Severities } from "../dataset/checks/severities";
import { DatasetAnalysis } from "./datasetAnalysis";
import { toDiagnostic } from "./features/diagnostics";
import { compareRows } from "./fileStage";
import { collectFindings } from "./findings";
import { JsonlDocument } from "./jsonlDocument";

const FOLDER = join(__dirname, "../../test/fixtures/diagnostics");
const SEVERITIES = ["", "error", "warning", "information"];

/** One line a diagnostic: 1-based line and columns as an editor shows them, the marked text, the message. */
async function dump(text: string): Promise<string> {
  const document = new JsonlDocument("file:///data.jsonl", "jsonl", 1, text);
  const analysis = new DatasetAnalysis(document);
  const { signal } = new AbortController();
  const state = await analysis.checkStructure(signal);
  await analysis.inspect(new RowInspector(null), state, signal);
  await compareRows(analysis, undefined, signal);
  const { findings } = collectFindings(analysis, state, null, new Severities());
  const lines = text.split(/\r\n|\n/);
  const shown = findings.map((found) => {
    const { range, severity, code, message } = toDiagnostic(document, found);
    const { start, end } = range;
    const marked = JSON.stringify(lines[start.line]!.slice(start.character, end.character));
    const place = `${start.line + 1}:${start.character + 1}-${end.character + 1}`;
    return `${place} ${SEVERITIES[severity!]} ${code} ${marked}\n    ${message}\n`;
  });
  return `${state.dialect?.format.name ?? "no format"}, ${state.rows} rows\n${shown.join("")}`;
}

it.each(readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl")))("%s", async (name) => {
  const actual = await dump(readFileSync(join(FOLDER, name), "utf8"));
  const golden = join(FOLDER, name.replace(/\.jsonl$/, ".golden.txt"));
  const expected = existsSync(golden) ? readFileSync(golden, "utf8") : "";
  if (actual === expected) rmSync(`${golden}.actual`, { force: true });
  else writeFileSync(`${golden}.actual`, actual);
  expect(actual).toBe(expected);
});
