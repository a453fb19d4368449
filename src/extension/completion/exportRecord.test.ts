import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { GRAPH_VERSION } from "../../protocol/run";
import { describeExport, exportPrecision, hasPassedExport } from "./exportRecord";

const folder = mkdtempSync(join(tmpdir(), "tunesmith-record-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const record = {
  graph: GRAPH_VERSION,
  model: "/models/large",
  precision: "int4",
  measured: [
    { precision: "int8", bytes: 1.4e9, heldOutLoss: 1.5, lossRise: 0.0004, milliseconds: 81.6 },
    { precision: "int4", bytes: 8e8, heldOutLoss: null, lossRise: null, milliseconds: 45 },
  ],
  parity: { passed: true, reasons: [], warnings: ["Rounding cost."] },
};

describe("an export's record", () => {
  it("is told in lines", async () => {
    writeFileSync(join(folder, "export.json"), JSON.stringify(record));
    expect(await describeExport(folder)).toEqual([
      "int8: held-out loss 0.04 % above fp32's, 1400 MB, 82 ms a completion",
      "int4: loss not measured, 800 MB, 45 ms a completion",
      "exported as int4",
      "Rounding cost.",
    ]);
    expect(await exportPrecision(folder)).toBe("int4");
    expect(await hasPassedExport(folder)).toBe(true);
  });

  it.each(["", "[]", JSON.stringify({ ...record, measured: [{}] }), JSON.stringify({ ...record, graph: 1 })])(
    "is none where it is broken or of another version: %j",
    async (text) => {
      writeFileSync(join(folder, "export.json"), text);
      expect(await describeExport(folder)).toEqual([]);
      expect(await hasPassedExport(folder)).toBe(false);
    },
  );
});
