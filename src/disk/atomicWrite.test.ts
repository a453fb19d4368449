import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeAtomically } from "./atomicWrite";
import { describeError } from "./describeError";

describe("writeAtomically", () => {
  it("leaves the old file and no temporary one where it fails", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
    mkdirSync(join(folder, "taken"));
    const error = await writeAtomically(join(folder, "taken"), "new").catch((thrown) => thrown);
    expect(describeError(error)).toMatch(/taken: .+\.$/);
    expect(readdirSync(folder)).toEqual(["taken"]);
  });

  it.skipIf(process.getuid?.() !== 0)("names the file on a full disk and leaves the old one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
    try {
      const file = join(folder, "run.json");
      await writeAtomically(file, "old");
      const error = await writeAtomically(file, "x".repeat(200_000)).catch((thrown) => thrown);
      expect(describeError(error)).toBe(`${file}: the disk is full.`);
      expect(readdirSync(folder)).toEqual(["run.json"]);
      expect(readFileSync(file, "utf8")).toBe("old");
    } finally {
      execFileSync("umount", [folder]);
    }
  });
});
