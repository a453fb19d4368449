import { PassThrough } from "node:stream";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type CodeAction,
  CodeActionKind,
  createConnection,
  createProtocolConnection,
  type Diagnostic,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import { startServer } from "../server";
import { FIX_ALL } from "./codeActions";

const URI = "file:///data.jsonl";
const row = (instruction: string, output = `answer to ${instruction}`) => JSON.stringify({ instruction, output });

/** An editor with one document. */
class Editor {
  private readonly connection: ProtocolConnection;
  private published: Diagnostic[] = [];
  private version = 0;
  text = "";

  constructor() {
    const toServer = new PassThrough();
    const toClient = new PassThrough();
    startServer(createConnection(new StreamMessageReader(toServer), new StreamMessageWriter(toClient)));
    this.connection = createProtocolConnection(new StreamMessageReader(toClient), new StreamMessageWriter(toServer));
    this.connection.onNotification("textDocument/publishDiagnostics", (params: PublishDiagnosticsParams) => {
      this.published = params.diagnostics;
    });
    this.connection.listen();
  }

  async start(): Promise<void> {
    await this.connection.sendRequest("initialize", { processId: null, rootUri: null, capabilities: {} });
    await this.connection.sendNotification("initialized", {});
  }

  async open(text: string): Promise<Diagnostic[]> {
    this.text = text;
    if (this.version > 0)
      await this.connection.sendNotification("textDocument/didClose", { textDocument: { uri: URI } });
    const textDocument = { uri: URI, languageId: "jsonl", version: ++this.version, text };
    await this.connection.sendNotification("textDocument/didOpen", { textDocument });
    return this.settled();
  }

  change(text: string): Promise<void> {
    this.text = text;
    const textDocument = { uri: URI, version: ++this.version };
    return this.connection.sendNotification("textDocument/didChange", { textDocument, contentChanges: [{ text }] });
  }

  /** All diagnostics, once every stage is done. */
  async settled(): Promise<Diagnostic[]> {
    await this.connection.sendRequest("tunesmith/datasetSummary", { uri: URI });
    return this.published;
  }

  actions(
    diagnostics: Diagnostic[],
    only?: string[],
    line = diagnostics[0]?.range.start.line ?? 0,
  ): Promise<CodeAction[]> {
    const at = diagnostics[0]?.range ?? { start: { line, character: 0 }, end: { line, character: 0 } };
    return this.at(at, diagnostics, only);
  }

  at(range: Diagnostic["range"], diagnostics: Diagnostic[] = [], only?: string[]): Promise<CodeAction[]> {
    const context = { diagnostics, ...(only ? { only } : {}) };
    return this.connection.sendRequest("textDocument/codeAction", { textDocument: { uri: URI }, range, context });
  }

  resolve(action: CodeAction): Promise<CodeAction> {
    return action.edit ? Promise.resolve(action) : this.connection.sendRequest("codeAction/resolve", action);
  }

  /** The document after the action; edits that overlap are refused. */
  async apply(action: CodeAction): Promise<string> {
    const { edit } = await this.resolve(action);
    const document = TextDocument.create(URI, "jsonl", 1, this.text);
    return TextDocument.applyEdits(document, edit!.changes![URI]!);
  }

  async dispose(): Promise<void> {
    await this.connection.sendRequest("shutdown");
    this.connection.dispose();
  }
}

let editor: Editor;
beforeEach(async () => {
  editor = new Editor();
  await editor.start();
});
afterEach(() => editor.dispose());

async function fix(text: string, check: string, title: RegExp): Promise<string> {
  const found = (await editor.open(text)).filter(({ code }) => code === check);
  expect(found, check).not.toEqual([]);
  const actions = await editor.actions([found[0]!]);
  const action = actions.find((candidate) => title.test(candidate.title));
  expect(actions.map((candidate) => candidate.title).filter((name) => title.test(name))).toHaveLength(1);
  return editor.apply(action!);
}

describe("a quick fix", () => {
  it("names its diagnostic, is preferred where it is certain, and changes no more than it must", async () => {
    const text = `${row("a")}\n{ "instruction":"b" , "ouput": "\\u00e9" }\n`;
    const [found] = await editor.open(text);
    const actions = await editor.actions([found!]);
    const [first, ...others] = actions;
    expect(first).toMatchObject({
      title: 'Rename "ouput" to "output"',
      kind: CodeActionKind.QuickFix,
      isPreferred: true,
      diagnostics: [found],
    });
    expect(first!.edit!.changes![URI]).toEqual([
      { range: { start: { line: 1, character: 22 }, end: { line: 1, character: 29 } }, newText: '"output"' },
    ]);
    expect(others.map(({ title }) => title)).toEqual([
      "Remove the row",
      'Turn off the check "Missing field"',
      'Change the severity of "Missing field"…',
    ]);
    expect(others[1]!.command?.arguments).toEqual([{ check: "missing-field", severity: "off" }]);
  });

  it.each<[string, string, string, RegExp, string]>([
    [
      "a comma after each row",
      "json-syntax",
      `${row("a")},\n${row("b")}\n`,
      /^Remove the comma/,
      `${row("a")}\n${row("b")}\n`,
    ],
    ["two rows on a line", "json-syntax", `${row("a")} ${row("b")}\n`, /own$/, `${row("a")}\n${row("b")}\n`],
    [
      "two rows on a line, with CRLF",
      "json-syntax",
      `${row("c")}\r\n${row("a")} ${row("b")}\r\n`,
      /own$/,
      `${row("c")}\r\n${row("a")}\r\n${row("b")}\r\n`,
    ],
    [
      "a broken row",
      "json-syntax",
      `${row("a")}\n{\n  "instruction": "b",\n  "output": "c"\n}\n${row("d")}`,
      /^Join the row/,
      `${row("a")}\n{"instruction": "b", "output": "c"}\n${row("d")}`,
    ],
    [
      "a broken row, the last",
      "json-syntax",
      `${row("a")}\n{"instruction": "b",\n"output": "c"}`,
      /^Join the row/,
      `${row("a")}\n{"instruction": "b", "output": "c"}`,
    ],
    [
      "an array of rows",
      "json-syntax",
      `[\n  {"instruction": "a", "output": "b"},\n  {\n    "instruction": "c", "output": "d"\n  }\n]\n`,
      /^Put each item/,
      '{"instruction": "a", "output": "b"}\n{"instruction": "c", "output": "d"}\n',
    ],
    [
      "an array of rows on one line",
      "no-data-set",
      `[${row("a")}, ${row("b")}]`,
      /^Put each item/,
      `${row("a")}\n${row("b")}`,
    ],
    [
      "a blank line",
      "blank-line",
      `${row("a")}\n\n${row("b")}\n`,
      /^Remove the blank line$/,
      `${row("a")}\n${row("b")}\n`,
    ],
    [
      "all blank lines",
      "blank-line",
      `\n${row("a")}\n\n \n${row("b")}\n`,
      /^Remove the blank lines: fix all 3/,
      `${row("a")}\n${row("b")}\n`,
    ],
    [
      "mixed line ends",
      "mixed-line-ends",
      `${row("a")}\n${row("b")}\r\n${row("c")}\r${row("d")}`,
      /^Use one/,
      ["a", "b", "c", "d"].map((name) => row(name)).join("\n"),
    ],
    ["a byte order mark", "byte-order-mark", `\ufeff${row("a")}\n`, /^Remove the byte order mark/, `${row("a")}\n`],
    [
      "a row behind a byte order mark",
      "missing-field",
      `\ufeff{"instruction": "a", "ouput": "b"}\n${row("c")}`,
      /^Rename "/,
      `\ufeff{"instruction": "a", "output": "b"}\n${row("c")}`,
    ],
    [
      "a duplicate",
      "duplicate-row",
      `${row("a")}\n${row("b")}\n${row("a")}`,
      /^Remove this/,
      `${row("a")}\n${row("b")}`,
    ],
    [
      "all duplicates",
      "duplicate-row",
      `${row("a")}\n${row("a")}\n${row("b")}\n${row("a")}\n${row("b")}`,
      /fix all 3/,
      `${row("a")}\n${row("b")}`,
    ],
    [
      "all empty rows",
      "empty-answer",
      `${row("a", "")}\n${row("b", " ")}\n${row("c")}\n`,
      /fix all 2/,
      `${row("c")}\n`,
    ],
    [
      "all secrets",
      "secret",
      `${row("a", "AKIAQ3EGRYT6JKLM5NWZ or AKIAQ3EGRYT6JKLM5NWA")}\n${row("b")}\n`,
      /fix all 2/,
      `${row("a", "[REDACTED] or [REDACTED]")}\n${row("b")}\n`,
    ],
  ])("mends %s", async (_, check, text, title, expected) => {
    const after = await fix(text, check, title);
    expect(after).toBe(expected);
    const left = await editor.open(after);
    expect(left.filter(({ code }) => code === check)).toEqual([]);
  });

  it("takes the code of all answers out of their fences", async () => {
    const fenced = (name: string) => row(name, `\`\`\`python\n${name} = 1\n\`\`\``);
    const text = `${fenced("a")}\n${row("b")}\n${fenced("c")}\n`;
    await editor.open(text);
    const at = { line: 0, character: text.indexOf("```") };
    const actions = await editor.at({ start: at, end: at }, [], [CodeActionKind.Refactor]);
    expect(actions.map(({ kind }) => kind)).toEqual([CodeActionKind.RefactorRewrite, CodeActionKind.RefactorRewrite]);
    expect(await editor.apply(actions[0]!)).toBe(`${row("a", "a = 1")}\n${row("b")}\n${fenced("c")}\n`);
    expect(await editor.apply(actions[1]!)).toBe(`${row("a", "a = 1")}\n${row("b")}\n${row("c", "c = 1")}\n`);
  });

  it("is not offered for what is not there any more", async () => {
    const [found] = await editor.open(`${row("a")}\n{"instruction": "b", "ouput": "c"}`);
    await editor.change(row("a"));
    await editor.settled();
    const titles = (await editor.actions([found!])).map(({ title }) => title);
    expect(titles.some((title) => title.startsWith("Rename"))).toBe(false);
  });

  it("for the whole file is given up when the file changes", async () => {
    const rows = Array.from({ length: 3000 }, (_, number) => row(`${number}`, ""));
    const found = await editor.open(rows.join("\n"));
    const actions = await editor.actions([found[0]!]);
    const all = actions.find(({ title }) => title.endsWith("in this file"))!;
    expect(all.edit).toBeUndefined();
    await editor.change(row("a"));
    await expect(editor.resolve(all)).rejects.toThrow("has changed");
  });
});

describe("fixing all", () => {
  const fixAll = async (text: string) => {
    await editor.open(text);
    const actions = await editor.actions([], [CodeActionKind.SourceFixAll]);
    expect(actions.map(({ kind }) => kind)).toEqual([FIX_ALL]);
    return editor.apply(actions[0]!);
  };

  it("is offered on request alone", async () => {
    await editor.open(row("a"));
    expect(await editor.actions([])).toEqual([]);
  });

  it("mends what can be mended unseen, and a second time nothing", async () => {
    const text = [
      row("a"),
      "",
      "{'instruction': 'b', 'output': 'It’s \\u200bfine',}",
      row("c", "donâ€™t"),
      `${row("d")}${row("e")},`,
      row("f", ""),
      '{"instruction": "g", "instruction": "h", "output": "i"}',
      "not JSON",
    ].join("\n");
    const after = await fixAll(text);
    expect(after.split("\n")).toEqual([
      row("a"),
      '{"instruction": "b", "output": "It’s fine"}',
      row("c", "don’t"),
      row("d"),
      row("e"),
      row("f", ""),
      '{"instruction": "h", "output": "i"}',
      "not JSON",
    ]);
    expect(await fixAll(after)).toBe(after);
  });

  it("makes edits that fit together, whatever the file, and comes to an end", async () => {
    const line = fc.constantFrom(
      row("a"),
      "",
      " ",
      `${row("a")}${row("b")}`,
      "{'instruction': 'x', 'output': None}",
      '{"instruction": "\u200b", "ouput": "Ã©"}',
      row("k", "\u0000a\u0000"),
      '{"instruction": "a",',
      '"output": "b"}',
      "[",
      '{"a": 1, "a": 2}',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), async (lines, end) => {
        const once = await fixAll(lines.join(end));
        expect(await fixAll(once)).toBe(once);
      }),
      { numRuns: 60 },
    );
  });
});
