import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isIgnoredBy, parseIgnoreFile } from "./gitIgnore";

/** By folder, "" for the top. */
type IgnoreFiles = Readonly<Record<string, string>>;

function ignored(paths: readonly string[], files: IgnoreFiles, ignoreCase = false): string[] {
  return paths.filter((path) => {
    const parts = path.split("/");
    const rules = parts.map((_, depth) => parseIgnoreFile(files[parts.slice(0, depth).join("/")] ?? "", ignoreCase));
    return isIgnoredBy(parts, rules, ignoreCase);
  });
}

describe("what .gitignore files say", () => {
  it("is the last rule's of the deepest file that speaks of it", () => {
    const files = { "": "*.py\n!kept.py\nbuild/\n", app: "!own.py\n/kept.py\n" };
    const paths = ["a.py", "kept.py", "app/own.py", "app/kept.py", "app/deep/kept.py", "build/kept.py", "a.txt"];
    expect(ignored(paths, files)).toEqual(["a.py", "app/kept.py", "build/kept.py"]);
  });

  it("takes no notice of case where the file system takes none", () => {
    expect(ignored(["Build/a.py", "x/SECRET_A.PY"], { "": "build\nsecret_[A-Z].py" })).toEqual([]);
    expect(ignored(["Build/a.py", "x/SECRET_A.PY"], { "": "build\nsecret_[A-Z].py" }, true)).toHaveLength(2);
  });

  it("is found at once, however a pattern is written", () => {
    const slow = `${"*a".repeat(400)}b\n${"**/a/".repeat(190)}b\n`;
    expect(ignored([`${"a/".repeat(60)}${"a".repeat(200)}`], { "": slow.repeat(20) })).toEqual([]);
  });
});

/** Not `sub**`: Git cuts off what has no wildcard first, and then takes the rest for `**` of its own, against its manual. */
const PATTERNS = [
  "",
  " ",
  "#a.py",
  "\\#a.py",
  "!",
  "!!a.py",
  "\\!a.py",
  "a.py",
  "/a.py",
  "a.py/",
  "sub/",
  "/sub/",
  "sub/a.py",
  "sub/*",
  "sub/**",
  "/sub/**/",
  "**/a.py",
  "**/sub",
  "**",
  "/**",
  "*",
  "/*",
  "*.py",
  "*.py ",
  "*.py\\ ",
  "a.py\t",
  "?.py",
  "[ab].py",
  "[!a].py",
  "[^a].py",
  "[a-c].py",
  "[]a].py",
  "[a",
  "[a-].py",
  "[[:alpha:]].py",
  "[[:digit:]]*",
  "[[:nothing:]]*",
  "a\\.py",
  "a.py\\",
  "\\a.py",
  "sub/**/deep",
  "**sub",
  "sub/**/**/a.py",
  "//a.py",
  "sub//a.py",
  "sub/deep/",
  "deep/a.py",
  "/",
  "a**.py",
  "**/**",
  "./a.py",
  "[\\]a].py",
  "[!]a]*",
  "A.py",
  "*/a.py",
  "**/deep/**",
  "sub/*/a.py",
  "a*y",
  "*a*.*y*",
  "é.py",
  "[é].py",
  "sub/**/",
  "!sub/",
  "\r",
  "a.py\r",
];
const FILES = [
  "a.py",
  "b.py",
  "c.txt",
  "#a.py",
  "!a.py",
  "]a].py",
  "].py",
  "1.py",
  "a.py ",
  "é.py",
  "-.py",
  "a/b.py",
  "sub/a.py",
  "sub/b.py",
  "sub/deep/a.py",
  "sub/deep/c.txt",
  "sub/deep/deeper/a.py",
  "xsub/a.py",
  "deep/a.py",
];

describe.skipIf(spawnSync("git", ["--version"]).status !== 0)("Git says the same", () => {
  let folder: string;
  const git = (args: string[], input = "") => {
    const hermetic = {
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      HOME: folder,
      PATH: process.env.PATH,
    };
    return spawnSync("git", args, { cwd: folder, input, encoding: "utf8", env: hermetic });
  };
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const ignoredByGit = (files: IgnoreFiles) => {
    for (const [at, text] of Object.entries(files)) write(join(at, ".gitignore"), text);
    const { stdout, status, stderr } = git(["check-ignore", "--stdin", "-z", "--no-index"], FILES.join("\0"));
    expect(status, stderr).toBeLessThan(2);
    return stdout.split("\0").filter(Boolean);
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tunesmith-ignore-"));
    git(["init", "-q"]);
    for (const path of FILES) write(path, "");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(PATTERNS)("of %j", (pattern) => {
    for (const files of [
      { "": `${pattern}\n`, sub: "" },
      { "": `*\n!*/\n!${pattern}\n`, sub: "" },
      { "": "*.py\n", sub: `!*.py\n${pattern}\n` },
    ]) {
      expect(ignored(FILES, files), JSON.stringify(files)).toEqual(ignoredByGit(files));
    }
  });
});
