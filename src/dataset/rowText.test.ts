import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isCompact, normaliseSpaces, rowToText, textToRow } from "./rowText";

function shown(row: unknown): string {
  const result = rowToText(JSON.stringify(row));
  if (!result.ok) throw new Error(result.message);
  return result.text;
}
function back(text: string): string {
  const result = textToRow(text);
  if (!result.ok) throw new Error(result.message);
  return result.text;
}
const refused = (text: string) => {
  const result = textToRow(text);
  return result.ok ? null : result.message;
};

describe("a row as text", () => {
  it("has a heading a field, texts unescaped, the rest as JSON", () => {
    expect(shown({ instruction: 'Say "hi"', output: "print('hi')\n\n", score: 0.5, tags: ["a", "b"] })).toBe(
      [
        "# «instruction»",
        'Say "hi"',
        "",
        "# «output»",
        "print('hi')",
        "",
        "",
        "",
        "# «score» JSON",
        "0.5",
        "",
        "# «tags» JSON",
        '["a","b"]',
        "",
        "# «»",
        "",
      ].join("\n"),
    );
  });

  it("shows messages one by one", () => {
    const row = {
      messages: [
        { role: "user", content: "q\n?" },
        { role: "assistant", content: "a" },
      ],
    };
    expect(shown(row)).toContain("# «messages[0].content»\nq\n?\n\n# «messages[1].role»\nassistant\n");
  });

  it("keeps numbers to the last digit and the spelling of what is no text", () => {
    const line = '{"a": 12345678901234567890, "b": 1e400, "c": 1.50, "d": [1, 2], "e": {}}';
    const text = rowToText(line);
    expect(text.ok && back(text.text)).toBe(line);
  });

  it("is the same value again, whatever the row holds", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^(\\*# «[a-z»]*»( JSON)?\n?|\r|\n| |\\){0,6}$/),
      fc.constantFrom("", "\n", "# «»", "\\# «output»", "a\r\nb", "\ud800", "\u2028", "\ufeff", "__proto__"),
    );
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        nasty,
        fc.constant(null),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.array(fc.dictionary(nasty, tie("value"), { maxKeys: 3 }), { maxLength: 3 }),
        fc.dictionary(nasty, tie("value"), { maxKeys: 3 }),
      ),
    })).value;
    fc.assert(
      fc.property(fc.dictionary(nasty, value, { maxKeys: 4 }), (row) => {
        const json = JSON.stringify(row);
        const text = shown(row);
        expect(JSON.stringify(JSON.parse(back(text)))).toBe(JSON.stringify(JSON.parse(json)));
        // An editor and the disk leave it as it is.
        expect(text).not.toMatch(/\r|\u2028|\u2029/);
        expect(text.isWellFormed()).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("takes what was edited, added and removed", () => {
    const text = "# «a»\nnew\n\nlines\n\n# «m[0].role»\nuser\n\n# «m[2].role»\ntool\n\n# «n» JSON\n[1,\n  2]\n";
    expect(back(text)).toBe('{"a": "new\\n\\nlines", "m": [{"role": "user"}, {"role": "tool"}], "n": [1, 2]}');
    expect(textToRow(text, { compact: true })).toEqual({
      ok: true,
      text: '{"a":"new\\n\\nlines","m":[{"role":"user"},{"role":"tool"}],"n":[1,2]}',
    });
  });

  it("is refused with a reason", () => {
    expect(refused("hello")).toContain("first line must be a heading");
    expect(refused("# «a»\nx\n# «»\nmore")).toContain("after the line");
    expect(refused("# «a» JSON\n{,}\n")).toContain('"# «a» JSON" is not valid JSON');
    expect(refused("# «a»\nx\n\n# «a»\ny\n")).toContain("given twice");
    expect(refused("# «a»\nx\n\n# «a.b»\ny\n")).toContain("given twice");
    expect(refused("# «a b»\nx\n")).toContain("names no field");
    expect(rowToText("[1]").ok).toBe(false);
    expect(rowToText('{"a": 1, "a": 2}')).toMatchObject({ ok: false });
    expect(rowToText("{")).toMatchObject({ ok: false });
  });

  it("is taken from hostile rows without harm", () => {
    const deep = `{"a": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const text = rowToText(deep);
    expect(text.ok && back(text.text)).toBe(deep);
  });
});

describe("the spaces of a row", () => {
  it("become one after each colon and comma, and the value stays", () => {
    expect(normaliseSpaces('{ "a :,b" :1,"c":[ 1 ,2 ] }')).toBe('{"a :,b": 1, "c": [1, 2]}');
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const spaced = normaliseSpaces(JSON.stringify(value, null, 3));
        expect(JSON.stringify(JSON.parse(spaced))).toBe(JSON.stringify(value));
        expect(normaliseSpaces(spaced, true)).toBe(JSON.stringify(value));
        expect(normaliseSpaces(spaced)).toBe(spaced);
      }),
    );
  });

  it("tell how a row is written", () => {
    expect([isCompact('{"a":1}'), isCompact('{"a": 1}'), isCompact("{}")]).toEqual([true, false, false]);
  });
});
