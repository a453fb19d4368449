import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DocumentSymbol, Hover, Location, Position, SemanticTokens, TextEdit } from "vscode-languageserver";
import { TestClient } from "../testing/client";
import { blocks } from "./folding";
import { TOKEN_TYPES } from "./semanticTokens";

const MODEL = join(__dirname, "../../../models/tiny-python");
const URI = "file:///data/rows%20(1).jsonl";
const row = (instruction: string, output: string) => JSON.stringify({ instruction, input: "", output });
const ROWS = [
  row("Add two numbers.", "def add(a, b):\n    return a + b"),
  row("Write a loop.", "for i in range(3):\n    print(i)"),
];

describe("a row in the editor", () => {
  let client: TestClient;
  beforeEach(() => {
    client = TestClient.inProcess();
  });
  afterEach(() => client.dispose());

  const start = async (rows: string[], settings?: unknown) => {
    await client.initialize(settings);
    await client.open(URI, rows.join("\n"));
    await client.summary(URI);
  };
  const at = (method: string, position: Position, more = {}) =>
    client.request(method, { textDocument: { uri: URI }, position, ...more });
  const hoverAt = async (line: number, character: number) => {
    const hover = (await at("textDocument/hover", { line, character })) as Hover | null;
    return hover === null ? null : (hover.contents as { value: string }).value;
  };

  describe("hover", () => {
    it("shows the row as the model sees it, the learned part told apart, without a tokenizer too", async () => {
      await start(ROWS);
      const text = (await hoverAt(0, 3))!;
      expect(text).toContain("### Instruction:<br>Add two numbers.<br><br>### Response:<br>");
      expect(text).toContain(
        '<b><span style="color:var(--vscode-charts-green);">def add(a, b):<br>\u00a0\u00a0\u00a0 return a + b</span></b>',
      );
      expect(text).toContain("set tunesmith.tokenizerPath");
    });

    it("counts with the tokenizer and says where the sequence ends", async () => {
      const long = row("Count.", Array.from({ length: 60 }, (_, n) => `value_${n} = ${n}`).join("\n"));
      await start([ROWS[0]!, long], { sequenceLength: 128, tokenizerPath: MODEL });
      expect(await hoverAt(0, 3)).toMatch(/template Alpaca · \d+ of 128 tokens: \d+ prompt, \d+ learned/);
      expect(await hoverAt(0, 3)).not.toContain("✂");
      const text = (await hoverAt(1, 3))!;
      expect(text).toContain("✂ 128 tokens ✂</span>");
      expect(text).toContain('<span style="color:var(--vscode-disabledForeground);">');
    });

    it("says what the cursor is on", async () => {
      await start([row("Add two numbers.", "a\nb\nc"), '{"instruction": "i", "output": "o", "source": 7}']);
      const line = row("Add two numbers.", "a\nb\nc");
      expect(await hoverAt(0, line.indexOf("b\\n"))).toMatch(/^\*\*output\*\* · answer: learned · line 2 of 3\n/);
      expect(await hoverAt(0, 4)).toMatch(
        /^\*\*instruction\*\* · prompt: shown to the model, not learned · 16 characters/,
      );
      expect(await hoverAt(1, 38)).toMatch(/^\*\*source\*\* · not used in training\n/);
    });

    it("is no way in for markup, whatever the row holds, and stays short", async () => {
      const evil = `</code></p>\n\n[x](command:evil) <img src=x onerror=1> <b>&amp;\u202e\u0007 ${"word ".repeat(5000)}`;
      await start([row(evil, evil)]);
      const text = (await hoverAt(0, 20))!;
      expect(text.length).toBeLessThan(6000);
      expect(text).not.toMatch(/<img|<\/code><\/p>\s*\n\n\[x\]/);
      expect(text).toContain("&lt;img src=x onerror=1&gt; &lt;b&gt;&amp;amp;⟨U+202E⟩␇");
      // To Markdown the row is one line of one HTML block.
      expect(
        text.split("\n").filter((line) => line.startsWith("<p><code>") && line.endsWith("</code></p>")),
      ).toHaveLength(1);
      const tags = [...text.matchAll(/<\/?([a-z]+)[^>]*>/g)].map(([, name]) => name);
      expect([...new Set(tags)].sort()).toEqual(["b", "br", "code", "p", "span"]);
      for (const [, style] of text.matchAll(/style="([^"]*)"/g))
        expect(style).toMatch(/^color:var\(--vscode(-[a-zA-Z]+)+\);$/);
    });

    it("shows the tokens of a conversation's template as tokens", async () => {
      const chat = JSON.stringify({
        messages: [
          { role: "user", content: "q" },
          { role: "assistant", content: "a" },
        ],
      });
      await start([chat], { sequenceLength: 128, tokenizerPath: MODEL });
      expect(await hoverAt(0, 3)).toMatch(/⟨&lt;[^⟩]+⟩/);
    });

    it("links to the rows that are like it", async () => {
      const words = "Write a function that reads a file line by line and returns how often each word occurs in it";
      const near = [row(`${words}.`, "x = 1"), row(`${words} now.`, "x = 1")];
      await start([ROWS[0]!, ROWS[1]!, ROWS[0]!, ...near]);
      expect(await hoverAt(2, 3)).toContain("[row 1](file:///data/rows%20%281%29.jsonl#L1)");
      expect(await hoverAt(4, 3)).toMatch(/Like this row: \[row 4\]\([^)]*#L4\) <span[^>]*>\d\d % the same</);
      expect(await hoverAt(1, 3)).not.toContain("Like this row");
    });

    it("is none on a row that cannot be read, and none on a blank line", async () => {
      await start([ROWS[0]!, "{", "", '{"instruction": "a", "output": 5}']);
      expect([await hoverAt(1, 0), await hoverAt(2, 0), await hoverAt(3, 5), await hoverAt(99, 0)]).toEqual([
        null,
        null,
        null,
        null,
      ]);
    });
  });

  describe("symbols", () => {
    const symbols = () =>
      client.request<DocumentSymbol[]>("textDocument/documentSymbol", { textDocument: { uri: URI } });

    it("are the rows by their instruction, with their fields", async () => {
      await start([ROWS[0]!, "", row(`Say \\ "é" ${"very ".repeat(40)}`, "x"), "{"]);
      const found = await symbols();
      expect(found.map(({ name }) => name)).toEqual([
        "Add two numbers.",
        `${`Say \\ "é" ${"very ".repeat(40)}`.slice(0, 59)}…`,
        "Row 4",
      ]);
      expect(found[0]!.children!.map(({ name }) => name)).toEqual(["instruction", "input", "output"]);
      expect(found[0]!.detail).toBe(`${ROWS[0]!.length} characters`);
    });

    it("have their names from the beginning", async () => {
      await client.initialize();
      await client.open(URI, ROWS.join("\n"));
      expect((await symbols()).map(({ name }) => name)).toEqual(["Add two numbers.", "Write a loop."]);
    });

    it("of conversations go by what the user says first, wherever it stands", async () => {
      const message = (role: string, content: string) => ({ role, content });
      const rows = [
        { messages: [message("system", '"role": "user"'), message("user", "First?"), message("assistant", "a")] },
        { messages: [{ content: "Turned?", role: "user" }, message("assistant", "a")] },
      ];
      await start(rows.map((value) => JSON.stringify(value)));
      const found = await symbols();
      expect(found.map(({ name }) => name)).toEqual(["First?", "Turned?"]);
      const [message0] = found[0]!.children![0]!.children!;
      expect([message0!.name, message0!.children!.map(({ name }) => name)]).toEqual(["[0]", ["role", "content"]]);
    });

    it("of many rows are there at once", async () => {
      await start(
        Array.from({ length: 1500 }, (_, n) => row(`Task ${n}`, `answer ${n}`)),
        {
          sequenceLength: 128,
          tokenizerPath: MODEL,
        },
      );
      const found = await symbols();
      expect(found).toHaveLength(1500);
      expect(found[1499]!.name).toBe("Task 1499");
      expect(found[1499]!.detail).toMatch(/^\d+ tokens$/);
      expect(found[0]!.children).toBeUndefined();
    });
  });

  it("folds rows by the hundred", async () => {
    expect(blocks(100)).toEqual([]);
    expect(blocks(250).map(({ startLine, endLine }) => [startLine, endLine])).toEqual([
      [0, 99],
      [100, 199],
      [200, 249],
    ]);
    await start(Array.from({ length: 150 }, () => ROWS[0]!));
    expect(await client.request("textDocument/foldingRange", { textDocument: { uri: URI } })).toHaveLength(2);
  });

  it("leads to the row that it repeats, and from there to all that repeat it", async () => {
    const conflict = row("Add two numbers.", "sum");
    await start([ROWS[0]!, ROWS[1]!, ROWS[0]!, ROWS[0]!, conflict]);
    const lines = (found: unknown) => (found as Location[]).map(({ range }) => range.start.line);
    const there = async (line: number) => lines(await at("textDocument/definition", { line, character: 20 }));
    expect([await there(0), await there(1), await there(2), await there(4)]).toEqual([[], [], [0], [0]]);
    const references = async (line: number, includeDeclaration: boolean) =>
      lines(await at("textDocument/references", { line, character: 20 }, { context: { includeDeclaration } }));
    expect(await references(0, false)).toEqual([2, 3, 4]);
    expect(await references(3, true)).toEqual([0, 2, 3, 4]);
    expect(await references(1, true)).toEqual([]);
  });

  describe("semantic tokens", () => {
    const decode = ({ data }: SemanticTokens, rows: string[]) => {
      let line = 0;
      let character = 0;
      const words: string[] = [];
      for (let index = 0; index < data.length; index += 5) {
        const [lines, columns, length, type] = data.slice(index, index + 4) as [number, number, number, number];
        character = lines > 0 ? columns : character + columns;
        line += lines;
        words.push(`${rows[line]!.slice(character, character + length)} ${TOKEN_TYPES[type]!.replace("dataset", "")}`);
      }
      return words;
    };
    const whole = () =>
      client.request<SemanticTokens>("textDocument/semanticTokens/full", { textDocument: { uri: URI } });

    it("tell used keys from others and learned texts from prompts, and leave the texts alone", async () => {
      const rows = ['{"instruction": "é", "id": 1, "output": "o"}'];
      await start(rows);
      expect(decode(await whole(), rows)).toEqual([
        '"instruction" Field',
        '" Prompt',
        '" Prompt',
        '"id" UnusedField',
        '"output" Field',
        '" Answer',
        '" Answer',
      ]);
    });

    it("mark keys and roles of messages", async () => {
      const rows = ['{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}'];
      await start(rows);
      expect(decode(await whole(), rows)).toEqual([
        '"messages" Field',
        ...['"role" Field', "user Role", '"content" Field', '" Prompt', '" Prompt'],
        ...['"role" Field', "assistant Role", '"content" Field', '" Answer', '" Answer'],
      ]);
    });

    it("are there for a file that was opened or edited a moment ago", async () => {
      const rows = ['{"instruction": "é", "output": "o"}'];
      await client.initialize();
      await client.open(URI, rows[0]!);
      const expected = decode(await whole(), rows);
      expect(expected).toContain('"output" Field');
      const end = { line: 0, character: rows[0]!.length };
      await client.edit(URI, { range: { start: end, end }, text: " " });
      expect(decode(await whole(), rows)).toEqual(expected);
    });

    it("come for the lines in view only where the file is large", async () => {
      const rows = Array.from({ length: 4000 }, (_, n) => row(`Task ${n}`, "x".repeat(80)));
      await start(rows);
      expect(await whole()).toBeNull();
      const range = { start: { line: 3000, character: 0 }, end: { line: 3001, character: 5 } };
      const some = await client.request<SemanticTokens>("textDocument/semanticTokens/range", {
        textDocument: { uri: URI },
        range,
      });
      expect(some.data.slice(0, 2)).toEqual([3000, 1]);
      expect(some.data).toHaveLength(2 * 7 * 5);
    });
  });

  it("may be anything at all", async () => {
    const rows = [
      ROWS[0]!,
      `{"instruction": ${"[".repeat(50_000)}${"]".repeat(50_000)}, "output": "x"}`,
      `${"{".repeat(50_000)}`,
      `{"a": ${"[".repeat(100_000)}`,
      row("x".repeat(1_000_000), '\\"'.repeat(500_000)),
      '\u0000\ud800 "" :,[]{}',
    ];
    await start(rows);
    const range = { start: { line: 0, character: 0 }, end: { line: 9, character: 0 } };
    const textDocument = { uri: URI };
    const options = { tabSize: 2, insertSpaces: true };
    for (const method of ["documentSymbol", "foldingRange", "codeLens", "semanticTokens/full"]) {
      await client.request(`textDocument/${method}`, { textDocument });
    }
    for (const method of ["semanticTokens/range", "rangeFormatting"]) {
      await client.request(`textDocument/${method}`, { textDocument, range, options });
    }
    for (let line = 0; line < rows.length; line++) {
      for (const character of [0, 8, 40, 60_000, 10_000_000]) {
        for (const method of ["hover", "completion", "definition"])
          await at(`textDocument/${method}`, { line, character });
      }
      await client.request("tunesmith/rowToText", { row: rows[line] });
    }
    expect(await hoverAt(4, 20)).toMatch(/^This row has 3,000,0\d\d characters/);
  });

  it("gets one space after colons and commas, where its JSON is whole", async () => {
    await start(['{"instruction" :"a,b","output":[1 ,2]}', "{ ", ROWS[0]!]);
    const range = { start: { line: 0, character: 0 }, end: { line: 2, character: 0 } };
    const edits = await client.request<TextEdit[]>("textDocument/rangeFormatting", {
      textDocument: { uri: URI },
      range,
      options: { tabSize: 2, insertSpaces: true },
    });
    expect(edits.map(({ newText, range: { start, end } }) => [start.line, end.character, newText])).toEqual([
      [0, 38, '{"instruction": "a,b", "output": [1, 2]}'],
    ]);
  });

  it("becomes text and a row again", async () => {
    await start(ROWS);
    const { text } = await client.request<{ text: string }>("tunesmith/rowToText", { row: ROWS[0]! });
    expect(text).toContain("# «output»\ndef add(a, b):\n    return a + b\n");
    expect(await client.request("tunesmith/textToRow", { text, before: ROWS[0]! })).toEqual({
      ok: true,
      text: ROWS[0]!,
    });
    const formats = await client.request<{ id: string }[]>("tunesmith/formats", null);
    expect(formats.map(({ id }) => id)).toContain("sharegpt");
  });
});
