import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CompletionItem, TextEdit } from "vscode-languageserver";
import { TestClient } from "../testing/client";
import { completionPlace } from "./completionPlace";

const URI = "file:///data.jsonl";
const ALPACA = '{"instruction": "a", "input": "", "output": "b"}';
const CHAT = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}';

describe("completion", () => {
  let client: TestClient;
  beforeEach(async () => {
    client = TestClient.inProcess();
    await client.initialize();
  });
  afterEach(() => client.dispose());

  /** `|` is the cursor. What each item makes of the line. */
  const offered = async (first: string, line: string): Promise<Record<string, string>> => {
    const character = line.indexOf("|");
    const text = line.replace("|", "");
    await client.open(URI, `${first}\n${text}\n`);
    await client.summary(URI);
    const items = await client.request<CompletionItem[]>("textDocument/completion", {
      textDocument: { uri: URI },
      position: { line: 1, character },
    });
    return Object.fromEntries(
      items.map(({ label, textEdit }) => {
        const { range, newText } = textEdit as TextEdit;
        return [label, text.slice(0, range.start.character) + newText + text.slice(range.end.character)];
      }),
    );
  };

  it("offers the fields that a row lacks", async () => {
    expect(await offered(ALPACA, '{"instruction": "x", |')).toEqual({
      output: '{"instruction": "x", "output": "$1"',
      input: '{"instruction": "x", "input": "$1"',
      system: '{"instruction": "x", "system": "$1"',
    });
    expect(await offered(ALPACA, '{"instruction": "x", "ou|')).toMatchObject({
      output: '{"instruction": "x", "output": "$1"',
    });
    expect(await offered(ALPACA, '{"instruction": "x"|')).toMatchObject({
      output: '{"instruction": "x", "output": "$1"',
    });
    expect(Object.keys(await offered(ALPACA, '{"|": "x", "output": "y"}'))).toEqual(["instruction", "input", "system"]);
    expect(await offered(ALPACA, '{"ins|": "x"}')).toMatchObject({ instruction: '{"instruction": "x"}' });
  });

  it("offers nothing within a text", async () => {
    expect(await offered(ALPACA, '{"instruction": "wri|te')).toEqual({});
    expect(await offered(ALPACA, '{"instruction": |')).toEqual({});
  });

  it("offers a message's keys, its roles, and whole messages", async () => {
    expect(await offered(CHAT, '{"messages": [{"role": "|"}]}')).toEqual({
      user: '{"messages": [{"role": "user"}]}',
      assistant: '{"messages": [{"role": "assistant"}]}',
      system: '{"messages": [{"role": "system"}]}',
      tool: '{"messages": [{"role": "tool"}]}',
    });
    expect(await offered(CHAT, '{"messages": [{"role": "user", "|')).toEqual({
      content: '{"messages": [{"role": "user", "content": "$1"',
    });
    expect(Object.keys(await offered(CHAT, '{"messages": [{"role": "user", "content": "q"}, |'))).toEqual(["message"]);
    expect(await offered(CHAT, '{"mess|')).toMatchObject({
      messages: '{"messages": [{"role": "user", "content": "$1"}, {"role": "assistant", "content": "$2"}]',
    });
  });

  it("offers a whole row on an empty line, of every format where none is known", async () => {
    expect(await offered(ALPACA, "|")).toEqual({ "Alpaca row": '{"instruction": "$1", "output": "$2"}' });
    const all = Object.keys(await offered("", "{|}"));
    expect(all).toContain("Alpaca row");
    expect(all).toContain("ShareGPT row");
    expect(all).not.toContain("Preference pairs row");
  });

  it("knows its place in anything", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ a1') }), fc.nat(40), (text, offset) => {
        const place = completionPlace(text, Math.min(offset, text.length));
        if (place === null) return;
        expect(place.start).toBeLessThanOrEqual(Math.min(offset, text.length));
        expect(place.end).toBeGreaterThanOrEqual(place.start);
        expect(place.end).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 2000 },
    );
    expect(completionPlace("[".repeat(100_000), 100_000)).toBeNull();
  });
});
