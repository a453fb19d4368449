import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { files, read } from "./tree";

const code = files.filter((path) => /\.(ts|tsx|mjs|cjs|js|cpp|h|cu|cuh|css)$/.test(path));

describe("the tree", () => {
  it("sees the files", () => {
    expect(files).toContain("package.json");
    expect(code.length).toBeGreaterThan(20);
  });

  it("has no folder or file that is named for nothing in particular", () => {
    const vague = /^(utils?|common|helpers?|misc)(\.|$)/i;
    expect(files.filter((path) => path.split("/").some((part) => vague.test(part)))).toEqual([]);
  });

  it("has no source file over 800 lines", () => {
    const long = code.map((path) => [path, read(path).split("\n").length] as const).filter(([, lines]) => lines > 801);
    expect(long).toEqual([]);
  });

  it("keeps what is built and what tests leave out of git", () => {
    const built = files.filter((path) => /(^|\/)(node_modules|dist|build|\.cache|test-results)\//.test(path));
    expect(built).toEqual([]);
    expect(files.filter((path) => /\.(vsix|actual|node|so|o|a)$/.test(basename(path)))).toEqual([]);
  });

  it("has no test that is switched off, and none alone switched on", () => {
    const found = files
      .filter((path) => /\.test\.ts$/.test(path) && !path.startsWith("test/rules/"))
      .filter((path) => /\b(it|test|describe)\.(only|todo|skip)\(/.test(read(path)));
    expect(found).toEqual([]);
  });
});

describe("package.json and its lock file", () => {
  const manifest = JSON.parse(read("package.json"));
  const lock = JSON.parse(read("package-lock.json"));

  it("fits VS Code 1.100 and its Node 20", () => {
    expect(manifest.engines.vscode).toBe("^1.100.0");
    expect(manifest.devDependencies["@types/vscode"]).toBe("~1.100.0");
    expect(lock.packages["node_modules/@types/vscode"].version).toMatch(/^1\.100\./);
    expect(lock.packages["node_modules/@types/node"].version).toMatch(/^20\./);
    expect(lock.packages["node_modules/chokidar"].version).toMatch(/^[45]\./);
  });

  it("agree on the direct dependencies", () => {
    expect(lock.packages[""].dependencies).toEqual(manifest.dependencies);
    expect(lock.packages[""].devDependencies).toEqual(manifest.devDependencies);
  });

  it("lists the optional packages of every platform: npm 11's `npm ci` refuses a lock file that lacks one", () => {
    const missing = Object.entries<{ optionalDependencies?: Record<string, string> }>(lock.packages).flatMap(
      ([path, entry]) =>
        Object.keys(entry.optionalDependencies ?? {}).filter(
          (name) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
        ),
    );
    expect(missing).toEqual([]);
  });

  it("names no registry or mirror in the lock file", () => {
    const withAddress = Object.entries<{ resolved?: string }>(lock.packages).filter(([, entry]) => entry.resolved);
    expect(withAddress.map(([path]) => path)).toEqual([]);
    expect(read(".npmrc")).not.toMatch(/https?:|registry\s*=/);
  });

  it("every script file that package.json names exists", () => {
    const named = Object.values<string>(manifest.scripts).flatMap(
      (script) => script.match(/[\w./-]+\.(mjs|ts|js)/g) ?? [],
    );
    expect(named.filter((path) => !files.includes(path))).toEqual([]);
  });

  it("every npm script that the documents name exists", () => {
    const documents = files.filter((path) => /^(README|docs\/.*)\.md$/.test(path));
    const missing = documents.flatMap((path) =>
      [...read(path).matchAll(/npm run ([\w:-]+)/g)]
        .map((match) => match[1]!)
        .filter((name) => !(name in manifest.scripts)),
    );
    expect(missing).toEqual([]);
  });
});
