import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { isRevision, ModelCache } from "./modelCache";
import type { RemoteFile } from "./modelFiles";

/** As on a system without symbolic links, or where the user may not make them. */
vi.mock("node:fs/promises", async (original) => ({
  ...(await original<typeof import("node:fs/promises")>()),
  symlink: async () => {
    throw Object.assign(new Error("EPERM"), { code: "EPERM" });
  },
}));

const commit = "a".repeat(40);
const file: RemoteFile = { path: "config.json", size: 2, checksum: { kind: "git-blob", value: "b".repeat(40) } };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tunesmith-cache-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it("copies where there are no links", async () => {
  const cache = new ModelCache(root, "org/name");
  await cache.prepare(commit);
  writeFileSync(cache.incomplete(file), "{}");
  expect(await cache.holds(commit, file)).toBe(false);
  await cache.keep(file);
  await cache.show(commit, file);
  const shown = join(cache.snapshot(commit), "config.json");
  expect(lstatSync(shown).isSymbolicLink()).toBe(false);
  expect(readFileSync(shown, "utf8")).toBe("{}");
  expect(readdirSync(cache.snapshot(commit))).toEqual(["config.json"]);
  // Another tool that knows no links moves the blob away: the snapshot alone will do.
  rmSync(cache.blob(file));
  expect(await cache.holds(commit, file)).toBe(true);
});

it("replaces what a snapshot shows in another size", async () => {
  const cache = new ModelCache(root, "org/name");
  await cache.prepare(commit);
  writeFileSync(cache.blob(file), "{}");
  writeFileSync(join(cache.snapshot(commit), "config.json"), "cut off");
  await cache.show(commit, file);
  expect(readFileSync(join(cache.snapshot(commit), "config.json"), "utf8")).toBe("{}");
});

it("remembers branches below others, and no commit", async () => {
  const cache = new ModelCache(root, "org/name");
  await cache.remember("refs/pr/1", commit);
  expect(readFileSync(join(cache.folder, "refs", "refs", "pr", "1"), "utf8")).toBe(commit);
  await cache.remember(commit, commit);
  expect(readdirSync(join(cache.folder, "refs"))).toEqual(["refs"]);
});

it.each([
  ["main", true],
  ["v1.0", true],
  ["refs/pr/1", true],
  [commit, true],
  ["", false],
  ["..", false],
  ["a/../../b", false],
  ["/etc", false],
  ["a//b", false],
  ["-x", false],
  ["a\\b", false],
])("takes %j for a revision: %s", (text, taken) => {
  expect(isRevision(text)).toBe(taken);
});
