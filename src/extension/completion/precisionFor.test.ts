import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { precisionFor } from "./precisionFor";

const folder = mkdtempSync(join(tmpdir(), "tunesmith-precision-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

vi.mock("../../run/runDirectory", () => ({
  readRunSpec: async (run: string) => ({ model: { path: join(run, "model") } }),
}));

describe("the precision of an export for completion", () => {
  it.each([
    ["measured for a large model", [60_000_000, 60_000_000], "auto"],
    ["float32 for a small one", [31_000_000], "fp32"],
  ])("is %s", async (name, sizes, expected) => {
    const run = join(folder, String(sizes.length));
    mkdirSync(join(run, "model"), { recursive: true });
    for (const [i, bytes] of sizes.entries()) {
      const shard = join(run, "model", `model-${i}.safetensors`);
      writeFileSync(shard, "");
      truncateSync(shard, bytes);
    }
    const optimizer = join(run, "model", "optimizer.pt");
    writeFileSync(optimizer, "");
    truncateSync(optimizer, 500_000_000);
    expect(await precisionFor(run), name).toBe(expected);
  });
});
