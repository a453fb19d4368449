import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TextPart } from "../textPart";
import { checkText, textChecks } from "./registry";

const part = (text: string): TextPart => ({ path: ["output"], text, role: "answer" });

/** Texts of the pieces that the checks look for. */
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ..."<s>|</s>|<pad>|Ã©|\u200b|\u0000|\ufffd|sk-ant-|password = \"|@|a.b@c.com|+44 20|```|\n|[INST]|(|I'm sorry, but I can't|Sure!|é|👨‍👩|-----BEGIN |PRIVATE KEY-----|:// |://a:b@c".split(
          "|",
        ),
      ),
      fc.string({ unit: "grapheme", maxLength: 8 }),
    ),
    { maxLength: 40 },
  )
  .map((all) => all.join(""));

describe("checks of texts", () => {
  it("finds together what each finds alone", () => {
    fc.assert(
      fc.property(pieces, (text) => {
        expect(checkText(part(text))).toEqual(textChecks.flatMap((check) => check(part(text))));
      }),
    );
  });

  it("gives ranges within the text, on the part's path", () => {
    fc.assert(
      fc.property(pieces, (text) => {
        for (const { range, path, message } of checkText(part(text))) {
          expect(path).toEqual(["output"]);
          expect(message).toMatch(/^"output" .*\.$/s);
          expect(range!.start).toBeGreaterThanOrEqual(0);
          expect(range!.end).toBeGreaterThan(range!.start);
          expect(range!.end).toBeLessThanOrEqual(text.length);
        }
      }),
    );
  });

  it.each([
    ["brackets", "["],
    ["words", "a"],
    ["at signs", "a@"],
    ["labels", "a."],
    ["plus signs", "+1 "],
    ["digits", "4"],
    ["tokens", "sk-a"],
    ["key headers", "-----BEGIN RSA PRIVATE KEY-----"],
    ["addresses", "://a:"],
    ["assignments", "password='"],
    ["joiners", "👩\u200d"],
    ["tags", "\u{e0041}"],
    ["mojibake", "Ã"],
    ["blanks", " "],
    ["lines", "\n"],
    ["struck", "<s>"],
    ["IBAN", "DE89 3704 "],
  ])("gets through two megabytes of %s", (_, piece) => {
    expect(checkText(part(piece.repeat(2_000_000 / piece.length))).length).toBeLessThan(20);
  });
});
