/**
 * Random edits of random documents: after each, the text must be the one that Microsoft's TextDocument has, and what the
 * incremental analysis knows must be what an analysis from scratch finds.
 */

import { TextDocument } from "vscode-languageserver-textdocument";
import { RowInspector } from "../../src/dataset/checks/inspectRow";
import { Severities } from "../../src/dataset/checks/severities";
import { DatasetAnalysis } from "../../src/server/datasetAnalysis";
import { compareRows } from "../../src/server/fileStage";
import { collectFindings } from "../../src/server/findings";
import { JsonlDocument } from "../../src/server/jsonlDocument";

/** xorshift32: the same seed gives the same cases. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0 || 1;
  }

  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

const ROWS = [
  '{"instruction": "Add", "output": "a + b"}',
  '{"instruction": "Add", "input": "", "output": "a - b"}',
  '{"instruction":"Write a long function that adds two numbers and says why","output":"def add(a, b):\\n    return a + b"}',
  '{"instruction": "", "output": "😀"}',
  '{"prompt": "p", "completion": "c"}',
  '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}',
  '{"messages": [{"role": "assistant", "content": ""}]}',
  '{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}',
  '{"text": "Sure! Here is the code:"}',
  '{"a": 1, "a": 2}',
  "[1, 2]",
  "3",
  "{",
];
const PIECES = [
  "\n", "\r", "\r\n", "\n\n", "\ufeff", '"', "\\", "{", "}", "[", "]", ",", ":", " ", "\t", "x", "1", "é", "😀", "\ud83d",
  "\ude00", "\0", "\u2028", '"output"', '"a"', "null", "tru", "\\u00", "\\n", "<|eot_id|>", "```",
]; // biome-ignore format: a table of pieces

function randomText(random: Random): string {
  const count = random.below(7);
  let text = "";
  for (let index = 0; index < count; index++) {
    const kind = random.below(10);
    if (kind < 5) text += random.pick(ROWS) + random.pick(["\n", "\n", "\r\n", "\r"]);
    else if (kind < 9) text += random.pick(PIECES);
    else text += randomBytes(random);
  }
  return text;
}

function randomBytes(random: Random): string {
  const bytes = Uint8Array.from({ length: random.below(12) }, () => random.below(256));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function randomChange(random: Random, lines: number): { range?: Range; text: string } {
  if (random.below(40) === 0) return { text: randomText(random) };
  const position = () => ({ line: random.below(lines + 2), character: random.below(random.pick([2, 8, 60, 200])) });
  const start = position();
  const end = random.below(3) === 0 ? position() : { line: start.line, character: start.character + random.below(4) };
  return {
    range: { start, end },
    text: random.below(4) === 0 ? randomText(random) : random.pick(["", random.pick(PIECES)]),
  };
}

interface Range {
  start: { line: number; character: number };
  end: { line: number; character: number };
}

const never = new AbortController().signal;
const severities = new Severities();
const inspector = new RowInspector(null);

async function findings(analysis: DatasetAnalysis, deep: boolean): Promise<string> {
  const state = await analysis.checkStructure(never);
  if (deep) {
    await analysis.inspect(inspector, state, never);
    await compareRows(analysis, undefined, never);
  }
  const shown = collectFindings(analysis, state, null, severities);
  return JSON.stringify([state.dialect?.key, state.rows, shown]);
}

/** Throws what differs, with the text and the edits that led there. Returns the number of edits made. */
export async function runCase(random: Random): Promise<number> {
  const uri = "file:///fuzz.jsonl";
  const first = randomText(random);
  const document = new JsonlDocument(uri, "jsonl", 1, first);
  let reference = TextDocument.create(uri, "jsonl", 1, first);
  const analysis = new DatasetAnalysis(document);
  const deep = random.below(4) === 0;
  const edits = 1 + random.below(4);
  const made: unknown[] = [];
  await findings(analysis, deep);
  for (let edit = 0; edit < edits; edit++) {
    const changes = Array.from({ length: 1 + random.below(2) }, () => randomChange(random, reference.lineCount));
    made.push(changes);
    document.update(changes, edit + 2);
    for (const change of changes) {
      // Made anew each time: what it remembers of line ends goes wrong where an edit parts a CR from its LF.
      reference = TextDocument.create(uri, "jsonl", 1, reference.getText());
      TextDocument.update(reference, [change], edit + 2);
    }
    const text = document.getText();
    if (text !== reference.getText())
      throw new Error(`The texts differ: ${JSON.stringify({ first, made, text, expected: reference.getText() })}`);
    const incremental = await findings(analysis, deep);
    const scratch = await findings(new DatasetAnalysis(new JsonlDocument(uri, "jsonl", 1, text)), deep);
    if (incremental === scratch) continue;
    throw new Error(`The findings differ: ${JSON.stringify({ first, made, incremental, scratch })}`);
  }
  return edits;
}
