import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyEdits } from "./edits";
import { repairJson } from "./repairJson";

const repaired = (text: string) => {
  const repair = repairJson(text);
  return repair && applyEdits(text, repair.edits);
};

/** As Python's repr writes values. */
function python(value: unknown): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "string") {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
    const body = value
      .replaceAll("\\", "\\\\")
      .replaceAll("\n", "\\n")
      .replaceAll("\r", "\\r")
      .replaceAll("\t", "\\t")
      .replace(/[\x00-\x1f\x7f-\x9f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
    return quote + body.replaceAll(quote, `\\${quote}`) + quote;
  }
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([key, inner]) => `${python(key)}: ${python(inner)}`)
      .join(", ")}}`;
  }
  return String(value);
}

describe("repairing JSON", () => {
  const scalar = fc.oneof(
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  );
  const row = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })), {
    minKeys: 1,
    maxKeys: 4,
  });

  it("leaves JSON alone", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (value, spaced) => {
        expect(repairJson(JSON.stringify(value, null, spaced ? " " : undefined).replaceAll("\n", ""))).toBeNull();
      }),
    );
  });

  it("reads what Python's repr writes", () => {
    fc.assert(
      fc.property(row, (value) => {
        const repair = repaired(python(value));
        expect(repair === null ? value : JSON.parse(repair)).toEqual(value);
      }),
    );
  });

  it("takes away a trailing comma, and what is missing at the end is put there", () => {
    fc.assert(
      fc.property(row, (value) => {
        const text = JSON.stringify(value);
        expect(repaired(`${text.slice(0, -1)},}`)).toBe(text);
        expect(repaired(`${text},`)).toBe(text);
        expect(repaired(text.slice(0, -1))).toBe(text);
      }),
    );
  });

  it("splits any number of rows on one line", () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 2, maxLength: 5 }),
        fc.constantFrom("", " ", ",", ", ", " ,\t"),
        (rows, between) => {
          const texts = rows.map((value) => JSON.stringify(value));
          expect(
            repaired(texts.join(between))
              ?.split("\n")
              .map((text) => text.trim()),
          ).toEqual(texts);
        },
      ),
    );
  });

  it.each<[string, string | null]>([
    ["{'a': (1, 2)}", '{"a": [1, 2]}'],
    ["{'a': u'x'}", '{"a": "x"}'],
    ['{"a": +1, "b": .5, "c": 5., "d": 1_000, "e": -Infinity}', '{"a": 1, "b": 0.5, "c": 5.0, "d": 1000, "e": null}'],
    ['{"a": “x”}', '{"a": "x"}'],
    ['{"a": 1 /* one */, "b": 2}', '{"a": 1 , "b": 2}'],
    ['{"a":\u00a01}', '{"a": 1}'],
    ['{"a": "\\x41\\\'"}', '{"a": "\\u0041\'"}'],
    ['{"a": 1}}', '{"a": 1}'],
    ["", null],
    ["plain words", null],
    ['{"a": }', null],
    ['{"a" 1}', null],
    ["007", null],
  ])("%j → %j", (text, expected) => {
    expect(repaired(text)).toBe(expected);
  });

  it("says when it had to guess", () => {
    expect(repairJson('{"a": 1')?.certain).toBe(false);
    expect(repairJson('{"a": "b}')?.certain).toBe(false);
    expect(repairJson('{"a": word}')?.certain).toBe(false);
    expect(repairJson('{"a": 1,}')?.certain).toBe(true);
    expect(repairJson("{'a': None}")?.certain).toBe(true);
  });
});
