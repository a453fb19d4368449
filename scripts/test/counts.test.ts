import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bundledPackages } from "../packaging/notices.mjs";
import { nodeModulesAreCurrent } from "../setup/node-modules.mjs";
import { countDoctest } from "./native.mjs";
import { readReport } from "./vitest.mjs";

describe("counting", () => {
  it("reads doctest's summary, with and without colours", () => {
    const plain = "[doctest] test cases:  12 |  10 passed |  2 failed | 3 skipped\n[doctest] assertions: 9 | 9 passed";
    expect(countDoctest(plain)).toEqual({ passed: 10, failed: 2, skipped: 3 });
    const coloured =
      "[doctest] test cases: \u001b[0;32m 1 | \u001b[0;32m1 passed\u001b[0m | \u001b[0m0 failed\u001b[0m";
    expect(countDoctest(coloured)).toEqual({ passed: 1, failed: 0, skipped: 0 });
  });

  it("takes a program that died before its summary for no summary", () => {
    expect(countDoctest("Segmentation fault")).toBeNull();
  });

  const test = (status: string, fullName = "a test") => ({
    status,
    fullName,
    failureMessages: status === "failed" ? ["Error: no\n    at x"] : [],
  });
  const file = (status: string, tests: unknown[], name = join(process.cwd(), "src/a.test.ts")) => ({
    name,
    status,
    message: "SyntaxError: no",
    assertionResults: tests,
  });

  it("counts tests, and says what failed", () => {
    const files = [
      file("failed", [test("passed"), test("failed", "b > c"), test("pending"), test("todo")]),
      file("passed", [test("passed")]),
    ];
    expect(readReport({ testResults: files }, 1)).toEqual({
      passed: 2,
      failed: 1,
      skipped: 2,
      failures: ["src/a.test.ts > b > c: Error: no"],
      failedFiles: ["src/a.test.ts"],
      sound: { passed: 1, skipped: 0 },
    });
  });

  it("counts a test file that failed before its first test", () => {
    const files = [file("failed", []), file("failed", [test("passed")])];
    const { passed, failed, failures } = readReport({ testResults: files }, 1);
    expect([passed, failed]).toEqual([1, 2]);
    expect(failures[0]).toBe("src/a.test.ts > before its first test: SyntaxError: no");
  });

  it("counts a failure that no test shows", () => {
    const files = [file("passed", [test("passed"), test("pending")])];
    expect(readReport({ testResults: files }, 1)).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
    expect(readReport({ testResults: files }, 0)).toMatchObject({ passed: 1, failed: 0, skipped: 1, failures: [] });
  });
});

describe("node_modules against the lock file", () => {
  let folder = "";
  const write = (path: string, packages: Record<string, unknown>) =>
    writeFileSync(join(folder, path), JSON.stringify({ packages }));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tunesmith-lock-"));
    mkdirSync(join(folder, "node_modules", "a"), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const locked = {
    "": {},
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "1.0.0", optional: true },
  };

  it("are current when every needed package is there in its version", () => {
    write("package-lock.json", locked);
    write("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.0" } });
    expect(nodeModulesAreCurrent(folder)).toBe(true);
  });

  it.each([
    ["of another version", () => write("node_modules/.package-lock.json", { "node_modules/a": { version: "0.9.0" } })],
    ["never installed", () => {}],
    ["half-written", () => writeFileSync(join(folder, "node_modules/.package-lock.json"), "{")],
    [
      "deleted in part",
      () => {
        write("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.0" } });
        rmSync(join(folder, "node_modules/a"), { recursive: true });
      },
    ],
  ])("are not current when %s", (_, make) => {
    write("package-lock.json", locked);
    make();
    expect(nodeModulesAreCurrent(folder)).toBe(false);
  });
});

describe("licence notices", () => {
  it("finds the package behind each bundled file, scoped and nested ones too", () => {
    const files = [
      "src/a.ts",
      "node_modules/a/x.js",
      "node_modules/a/y.js",
      "node_modules/@s/b/x.js",
      "node_modules/a/node_modules/c/x.js",
    ];
    expect(bundledPackages(files)).toEqual(["node_modules/@s/b", "node_modules/a", "node_modules/a/node_modules/c"]);
  });
});
