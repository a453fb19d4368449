import { describe, expect, it } from "vitest";
import { exclusions, globExpression, mayRead } from "./readableFiles";

describe("files that may be read", () => {
  it.each(["a.py", "src/app/tokens.py", "my env/a.py", "environment.py", "secretary.py"])("%s", (path) => {
    expect(mayRead(path, [])).toBe(true);
  });

  it.each([
    "",
    "/etc/passwd",
    "..\\a.py",
    "../a.py",
    ".env",
    ".venv/lib/a.py",
    "app/.hidden.py",
    "node_modules/x/a.py",
    "venv/a.py",
    "lib/site-packages/x.py",
    "secrets.py",
    "app/my_secret.py",
    "credentials/a.py",
    "db-password.py",
    "api_keys.py",
  ])("not %j", (path) => {
    expect(mayRead(path, [])).toBe(false);
  });

  it("are not excluded by the setting, nor is a folder above them", () => {
    const excluded = exclusions({
      "**/generated": true,
      "**/*_pb2.py": true,
      "docs/**": true,
      "**/kept.py": false,
      "x.py": { when: "y" },
    });
    const all = ["app/generated/a.py", "a_pb2.py", "x/y_pb2.py", "docs/conf.py", "kept.py", "x.py", "app/docs.py"];
    expect(all.filter((path) => mayRead(path, excluded))).toEqual(["kept.py", "x.py", "app/docs.py"]);
    expect(exclusions(null)).toEqual([]);
    expect(exclusions("**")).toEqual([]);
  });
});

describe("globs", () => {
  it.each<[string, string, boolean]>([
    ["**/*.py", "a/b.py", true],
    ["**/*.py", "b.py", true],
    ["*.py", "a/b.py", false],
    ["a?.{py,pyi}", "ab.pyi", true],
    ["a[0-9].py", "a3.py", true],
    ["a[!0-9].py", "a3.py", false],
    ["a.b", "axb", false],
    ["(x)+.py", "(x)+.py", true],
    ["{a,b", "{a,b", true],
    ["**", "a/b/c", true],
  ])("%s and %s: %s", (glob, path, expected) => {
    expect(globExpression(glob).test(path)).toBe(expected);
  });
});
