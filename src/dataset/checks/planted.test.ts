/** Each kind of fault, planted somewhere in a file that is otherwise in order: found there and nowhere else. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scanFile } from "../scan/scanFile";
import { TokenCheck } from "../scan/tokenStage";
import { loadTokenizer, type Tokenizer } from "../tokenizer";
import { documentation } from "./documentation";
import { type CheckId, checkIds } from "./table";

const MODEL = join(__dirname, "../../../models/tiny-python");
const ROWS = 120;

/** Faults that concern the file as a whole, or its first row. */
const OF_FILES: ReadonlySet<CheckId> = new Set<CheckId>([
  "line-too-long",
  "empty-file",
  "byte-order-mark",
  "mixed-line-ends",
  "no-data-set",
  "preference-data",
  "template-mismatch",
  "suspicious-length",
  "task-imbalance",
]);

interface Fault {
  name: string;
  check: CheckId;
  rows: readonly string[];
  /** Counted from the first planted row. */
  line: number;
  marked: string;
  isChat: boolean;
  bytes?: boolean;
  sequenceLength?: number | undefined;
  heldOut?: readonly string[] | undefined;
}

const documented: Fault[] = checkIds
  .filter((id) => !OF_FILES.has(id))
  .map((check) => {
    const { bad, at, bytes = false, sequenceLength, heldOut } = documentation[check];
    // A row in another format than its file's is told by the rows before it.
    const isChat = bad[0]!.startsWith('{"messages"');
    const [line, marked] = at;
    return { name: check, check, rows: bad, line, marked, isChat, bytes, sequenceLength, heldOut };
  });

const syntax: [string, string, string][] = [
  ["a missing comma", '{"instruction": "a" "output": "b"}', '"'],
  ["a missing colon", '{"instruction" "a", "output": "b"}', '"'],
  ["single quotes", "{'instruction': 'a'}", "'instruction'"],
  ["a key without quotes", '{instruction: "a"}', "instruction"],
  ["Python's None", '{"instruction": "a", "output": None}', "None"],
  ["NaN", '{"instruction": "a", "output": NaN}', "NaN"],
  ["a number with a leading zero", '{"instruction": "a", "output": 01}', "01"],
  ["a bad escape", '{"instruction": "a", "output": "\\d"}', "\\d"],
  ["half a Unicode escape", '{"instruction": "a", "output": "\\u00"}', "\\u00"],
  ["a raw tab in a string", '{"instruction": "a\tb"}', "\t"],
  ["an unescaped quote", '{"instruction": "say "a"", "output": "b"}', "a"],
  ["an unclosed string", '{"instruction": "a', '"a'],
  ["an unclosed object", '{"instruction": "a"', '"'],
  ["a second object on the line", '{"instruction": "a", "output": "b"}{"instruction": "c"}', "{"],
  ["a bracket too many", '{"instruction": "a", "output": "b"}}', "}"],
  ["a comma after the row", '{"instruction": "a", "output": "b"},', ","],
  ["a comment", "// rows from here on are new", "// rows"],
  ["plain text", "Instruction: add", "Instruction"],
];

const faults: Fault[] = [
  ...documented,
  ...syntax.map(([name, row, marked]) => ({
    name,
    check: "json-syntax" as const,
    rows: [row],
    line: 1,
    marked,
    isChat: false,
  })),
];

const SUBJECTS = ["lists", "files", "dates", "graphs", "queues", "matrices", "threads", "sockets", "parsers", "caches"];
const VERBS = ["Explain", "Compare", "Name", "Summarise", "Describe", "Teach", "Show"];

/** No two alike, nothing wrong with any. */
function soundRow(index: number, isChat: boolean): string {
  const subject = `${SUBJECTS[index % SUBJECTS.length]} of kind ${index}`;
  const question = `${VERBS[index % VERBS.length]} ${subject} to a beginner.`;
  const answer = `There are ${index * 7 + 3} things to know about ${subject}, and each has its use.`;
  if (!isChat) return JSON.stringify({ instruction: question, output: answer });
  return JSON.stringify({
    messages: [
      { role: "user", content: question },
      { role: "assistant", content: answer },
    ],
  });
}

describe(`${faults.length} planted faults`, () => {
  let folder: string;
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tunesmith-planted-"));
    tokenizer = await loadTokenizer(MODEL);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(faults.map((fault, index) => [fault.name, fault, index] as const))("%s", async (_, fault, index) => {
    const path = join(folder, `${index}.jsonl`);
    const heldOut = join(folder, `${index}.held.jsonl`);
    const before = 1 + ((index * 37) % (ROWS - 1));
    const rows = Array.from({ length: ROWS }, (__, row) => soundRow(row, fault.isChat));
    rows.splice(before, 0, ...fault.rows);
    writeFileSync(path, `${rows.join("\n")}\n`, fault.bytes ? "latin1" : "utf8");
    if (fault.heldOut) writeFileSync(heldOut, fault.heldOut.join("\n"));
    const { sequenceLength } = fault;
    const tokens = sequenceLength ? new TokenCheck(tokenizer, { sequenceLength, template: "auto" }) : undefined;
    const { findings } = await scanFile(path, { tokens, ...(fault.heldOut ? { heldOut } : {}) });
    const line = before + fault.line;
    const [found] = findings.filter(({ check }) => check === fault.check);
    expect(found).toMatchObject({ line });
    const marked = rows[line - 1]!.slice(found!.column - 1, found!.endColumn - 1);
    expect(marked.startsWith(fault.marked)).toBe(true);
    const elsewhere = findings.filter((finding) => finding.line <= before || finding.line > before + fault.rows.length);
    expect(elsewhere).toEqual([]);
  });
});
