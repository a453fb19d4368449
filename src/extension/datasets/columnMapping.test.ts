import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseColumnMapping } from "../../dataset/import";
import { columnsOption } from "./columnMapping";

describe("columnsOption", () => {
  it("is read by the command line as the columns that were chosen, whatever they are called", () => {
    const column = fc.string({ minLength: 1 }).filter((text) => text.trim() === text && text !== "");
    const fields = fc.uniqueArray(fc.record({ name: fc.constantFrom("a", "b", "c"), column }), {
      selector: ({ name }) => name,
      minLength: 1,
    });
    fc.assert(
      fc.property(fields, (chosen) => {
        const expected = chosen.map(({ name, column: from }) => ({ name, from }));
        expect(parseColumnMapping([columnsOption(chosen)])).toEqual(expected);
      }),
    );
  });
});
