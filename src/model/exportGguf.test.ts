import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exportGguf } from "./exportGguf";
import { goldenFolder, goldenRun, TINY_PYTHON, temporaryFolder } from "./testModel";

describe("a run's model as GGUF", () => {
  it("is one whole file, other than the base model's", async () => {
    const run = await goldenRun("peft-r8");
    cpSync(join(goldenFolder("peft-r8"), "adapter_final"), join(run, "adapter"), { recursive: true });
    const folder = temporaryFolder("gguf");
    const tuned = await exportGguf({ runDir: run }, join(folder, "tuned.gguf"), { precision: "Q8_0" });
    const base = await exportGguf({ modelDir: TINY_PYTHON }, join(folder, "base.gguf"), { precision: "Q8_0" });
    expect(readdirSync(folder).sort()).toEqual(["base.gguf", "tuned.gguf"]);
    expect(readFileSync(tuned.path).toString("latin1", 0, 4)).toBe("GGUF");
    expect(readFileSync(tuned.path).length).toBe(tuned.bytes);
    expect(tuned.sha256).not.toBe(base.sha256);
  });

  it("leaves nothing where it was cancelled, and what was there", async () => {
    const folder = temporaryFolder("gguf");
    const options = { precision: "F16", signal: AbortSignal.abort() } as const;
    await expect(exportGguf({ modelDir: TINY_PYTHON }, join(folder, "base.gguf"), options)).rejects.toThrow(/abort/i);
    expect(readdirSync(folder)).toEqual([]);
    await expect(exportGguf({ runDir: await goldenRun("peft-r8") }, join(folder, "x.gguf"), options)).rejects.toThrow(
      /has no adapter yet/,
    );
  });
});
