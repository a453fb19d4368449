import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Diagnostic, IPCMessageReader, IPCMessageWriter, type Range } from "vscode-languageserver/node";
import { type CheckId, checks } from "../dataset/checks/table";
import { TestClient } from "./testing/client";

const URI = "file:///data.jsonl";
const GOOD = '{"instruction": "Add", "input": "", "output": "a + b"}';

const range = (startLine: number, start: number, endLine: number, end: number): Range => ({
  start: { line: startLine, character: start },
  end: { line: endLine, character: end },
});
/** `line:from-to code`, columns as LSP counts them. */
const brief = ({ range: { start, end }, code }: Diagnostic) =>
  `${start.line}:${start.character}-${end.line === start.line ? "" : `${end.line}:`}${end.character} ${code}`;

/** Without what comparing rows finds: the rows of these tests are all alike. */
const briefly = (found: Diagnostic[]) =>
  found.filter(({ code }) => checks[code as CheckId].stage !== "file").map(brief);

describe("the server in this process", () => {
  let client: TestClient;
  beforeEach(async () => {
    client = TestClient.inProcess();
    await client.initialize();
  });
  afterEach(() => client.dispose());

  const found = async (text: string) => {
    await client.open(URI, text);
    return briefly(await client.diagnostics(URI));
  };

  it.each<[string, string, string[]]>([
    ["nothing", "", []],
    ["blank lines, but not at the end", `${GOOD}\n\n  \t\n${GOOD}\n\n`, ["1:0-0 blank-line", "2:0-3 blank-line"]],
    ["a broken row", `${GOOD}\n{"instruction": "a" "output": "b"}\n`, ["1:20-21 json-syntax"]],
    ["a row that ends early", '{"instruction": "a", "output": "b"', ["0:33-34 json-syntax"]],
    ["an unclosed string", '{"output": "abc\n', ["0:11-15 json-syntax"]],
    ["a tab before the fault", '\t{"a":\t1,}', ["0:8-9 json-syntax"]],
    ["a tab in a string", '{"instruction": "a\tb", "output": "c"}', ["0:18-19 json-syntax"]],
    ["surrogate pairs before the fault", '{"instruction": "😀😀", "output": nope}', ["0:34-38 json-syntax"]],
    ["a surrogate pair at the end", '{"instruction": 😀', ["0:16-18 json-syntax"]],
    [
      "a byte order mark",
      `\ufeff{"instruction": "a", "output": 1}\n${GOOD}`,
      ["0:32-33 wrong-type", "0:1-2 byte-order-mark"],
    ],
    ["CRLF", `${GOOD}\r\n{"instruction": "a", "output": ""}\r\n`, ["1:31-33 empty-answer"]],
    ["a lone CR", `${GOOD}\r{"instruction": "a", "output": " "}`, ["1:31-34 empty-answer"]],
    ["mixed line ends", `${GOOD}\n${GOOD}\r\n`, ["1:53-54 mixed-line-ends"]],
    ["a missing answer", `${GOOD}\n{"instruction": "a"}`, ["1:0-14 missing-field"]],
    ["an answer of the wrong type", `${GOOD}\n{"instruction": "a", "output": ["x"]}`, ["1:31-36 wrong-type"]],
    ["a row that is no object", `${GOOD}\n[1, 2]`, ["1:0-6 not-an-object"]],
    ["a row of another kind", `${GOOD}\n{"a": 1}`, ["1:0-4 unknown-format"]],
    [
      "a chat with an empty answer",
      '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}]}',
      ["0:81-83 empty-answer"],
    ],
    [
      "a chat message without text",
      '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant"}]}',
      ["0:48-55 missing-field"],
    ],
    ["a repeated key", '{"instruction": "a", "output": "b", "output": "c"}', ["0:36-44 duplicate-key"]],
    ["half a surrogate pair", '{"instruction": "a", "output": "\\ud83d"}', ["0:32-38 lone-surrogate"]],
    [
      "errors before warnings",
      `{"instruction": "a", "output": ""}\n{"instruction": "a"}\n{]`,
      ["1:0-14 missing-field", "2:1-2 json-syntax", "0:31-33 empty-answer"],
    ],
  ])("marks %s", async (_, text, expected) => {
    expect(await found(text)).toEqual(expected);
  });

  it("marks what lies further along a row than editors draw at the row's start too", async () => {
    const text = `{"instruction": "${"x".repeat(12_000)}", "output": 5}`;
    expect(await found(text)).toEqual(["0:12030-12031 wrong-type", "0:0-1 wrong-type"]);
    expect((await client.diagnostics(URI))[1]!.message).toContain("(at column 12,031 of this row)");
  });

  it("says what, where from and how serious", async () => {
    await client.open(URI, `${GOOD}\n{"instruction": "a", "output": 5}\n{"instruction": "a", "output": ""}`);
    expect(await client.diagnostics(URI)).toEqual([
      {
        range: range(1, 31, 1, 32),
        severity: 1,
        code: "wrong-type",
        source: "Tunesmith",
        message: '"output" is a number: it must be a text in quotes.',
      },
      {
        range: range(2, 31, 2, 33),
        severity: 2,
        code: "empty-answer",
        source: "Tunesmith",
        message: '"output" is empty: it must hold the answer to learn.',
      },
    ]);
  });

  it("says one thing about a file that is no data set, and still reports broken JSON", async () => {
    const log = Array.from({ length: 50 }, (_, index) => `{"level": "info", "n": ${index}}`).join("\n");
    await client.open(URI, `${log}\n{"level": "info"`);
    const diagnostics = await client.diagnostics(URI);
    expect(diagnostics.map(brief)).toEqual(["50:15-16 json-syntax", "0:0-8 no-data-set"]);
    expect(diagnostics[1]!.severity).toBe(3);
  });

  it("says one thing about a log that happens to share a field with a format", async () => {
    const log = Array.from({ length: 50 }, (_, index) => `{"time": ${index}, "output": "done"}`).join("\n");
    expect(await found(log)).toEqual(["0:0-7 no-data-set"]);
  });

  it("says nothing about the format of a file in which no row can be read", async () => {
    expect(await found("{\n")).toEqual(["0:0-1 json-syntax"]);
  });

  it("follows edits in the middle, line by line", async () => {
    await client.open(URI, `${GOOD}\n${GOOD}\n${GOOD}`);
    expect(briefly(await client.diagnostics(URI))).toEqual([]);
    await client.edit(URI, { range: range(1, 21, 1, 22), text: "" });
    expect(briefly(await client.diagnostics(URI))).toEqual(["1:22-23 json-syntax"]);
    await client.edit(URI, { range: range(0, 0, 0, 0), text: "\n\n" });
    expect(briefly(await client.diagnostics(URI))).toEqual([
      "3:22-23 json-syntax",
      "0:0-0 blank-line",
      "1:0-0 blank-line",
    ]);
    await client.edit(URI, { range: range(3, 21, 3, 21), text: "," }, { range: range(4, 1, 4, 1), text: '"x": 1, ' });
    expect(briefly(await client.diagnostics(URI))).toEqual(["0:0-0 blank-line", "1:0-0 blank-line"]);
    await client.edit(URI, { text: "{" });
    expect(briefly(await client.diagnostics(URI))).toEqual(["0:0-1 json-syntax"]);
  });

  it("checks every row anew when the file's format changes", async () => {
    await client.open(URI, '{"prompt": "p", "completion": "c"}\n{"instruction": "i", "output": "o"}');
    const first = briefly(await client.diagnostics(URI));
    await client.edit(URI, { range: range(2, 0, 2, 0), text: '\n{"prompt": "p", "completion": "c"}' });
    const second = briefly(await client.diagnostics(URI));
    expect([first, second]).toEqual([["0:0-9 other-format"], ["1:0-14 other-format"]]);
  });

  it("clears a document's marks when it is closed and starts anew when it is opened again", async () => {
    expect(await found("[")).toEqual(["0:0-1 json-syntax"]);
    await client.close(URI);
    expect(await client.cleared(URI)).toEqual([]);
    expect(await client.summary(URI)).toBeNull();
    expect(await found(`${GOOD}\n]`)).toEqual(["1:0-1 json-syntax"]);
  });

  it("keeps documents apart", async () => {
    await client.open("file:///other.jsonl", "{");
    expect(briefly(await client.diagnostics("file:///other.jsonl"))).toEqual(["0:0-1 json-syntax"]);
    expect(await found(GOOD)).toEqual([]);
  });

  it("marks no more than 1,000 problems and says how many there are besides", async () => {
    const rows = Array.from({ length: 1200 }, (_, row) => `{"instruction": "${row}", "output": ""}`);
    await client.open(URI, [GOOD, ...rows, "{", "{"].join("\n"));
    const diagnostics = await client.diagnostics(URI);
    expect(diagnostics).toHaveLength(1000);
    expect(diagnostics.slice(0, 3).map(brief)).toEqual([
      "1201:0-1 json-syntax",
      "1202:0-1 json-syntax",
      "1:31-33 empty-answer",
    ]);
    expect(diagnostics.at(-1)!.message).toBe("203 more problems in this file are not shown: mend these first.");
  });

  it("sums a data set up, waiting for its latest version", async () => {
    await client.open(URI, `${GOOD}\n\n${GOOD}\n{`);
    expect(await client.summary(URI)).toEqual({
      format: "alpaca",
      rows: 3,
      problems: { error: 1, warning: 1, information: 1 },
      tokens: null,
    });
    await client.edit(URI, { range: range(3, 0, 3, 1), text: "" });
    expect(await client.summary(URI)).toEqual({
      format: "alpaca",
      rows: 2,
      problems: { error: 0, warning: 1, information: 1 },
      tokens: null,
    });
    expect(await client.summary("file:///unknown.jsonl")).toBeNull();
    await client.open("file:///log.jsonl", '{"level": 1}');
    expect(await client.summary("file:///log.jsonl")).toEqual({
      format: null,
      rows: 1,
      problems: { error: 0, warning: 0, information: 1 },
      tokens: null,
    });
  });
});

describe("the bundled server over IPC", () => {
  // Within the project, so that packages beside the bundle are found as in the installed extension.
  const cache = join(__dirname, "../../.cache");
  let folder: string;
  let child: ChildProcess;
  let client: TestClient;

  beforeAll(async () => {
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, "server-test-"));
    await build({
      entryPoints: [join(__dirname, "main.ts")],
      outfile: join(folder, "server.js"),
      bundle: true,
      platform: "node",
      target: "node20",
      external: ["tokenizers"],
    });
    child = fork(join(folder, "server.js"), ["--node-ipc"], { silent: true });
    client = new TestClient(new IPCMessageReader(child), new IPCMessageWriter(child));
  });
  afterAll(() => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it("starts, announces incremental sync, diagnoses, measures and ends with its client", async () => {
    const tokenizerPath = join(__dirname, "../../models/tiny-python");
    expect(await client.initialize({ sequenceLength: 64, tokenizerPath })).toMatchObject({
      capabilities: { textDocumentSync: 2, hoverProvider: true },
    });
    await client.open(URI, '{"instruction": "😀", "output": }');
    expect(briefly(await client.diagnostics(URI))).toEqual(["0:32-33 json-syntax"]);
    await client.edit(URI, { text: JSON.stringify({ instruction: "Count", output: "1 + 2\n".repeat(100) }) });
    expect(briefly(await client.diagnostics(URI))).toEqual(["0:69-733 over-length"]);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await client.dispose();
    child.disconnect();
    expect(await ended).toBe(0);
  });
});
