import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { importsOf } from "./importsOf";
import { read, under } from "./tree";

/** Pure modules of the extension, by which the command line asks for completions as the editor does. */
const whatTheEditorAsks = ["completionText", "pythonScan", "whatIsWanted"].map(
  (name) => `src/extension/completion/${name}`,
);

/**
 * docs/architecture.md, "Layout": which of the project's folders a folder may import. `types` may be imported
 * with `import type` alone.
 */
const allowed: Record<string, { values: string[]; types?: string[] }> = {
  "src/protocol": { values: [] },
  "src/disk": { values: [] },
  "src/dataset": { values: ["src/protocol", "src/disk"] },
  "src/model": { values: ["src/protocol", "src/disk", "src/dataset"] },
  "src/hub": { values: ["src/protocol", "src/disk"] },
  "src/run": { values: ["src/protocol", "src/disk", "src/dataset"] },
  "src/evaluation/report": { values: ["src/protocol", "src/disk", "src/run"] },
  "src/evaluation/completion": {
    values: ["src/protocol", "src/dataset", "src/completion-worker", "src/evaluation", ...whatTheEditorAsks],
  },
  "src/evaluation": {
    values: ["src/protocol", "src/disk", "src/dataset", "src/model", "src/run", "src/evaluation/report"],
  },
  "src/completion-worker": { values: ["src/protocol", "src/disk", "src/dataset", "src/model"] },
  "src/server": { values: ["src/protocol", "src/disk", "src/dataset"] },
  "src/cli": {
    values: [
      "src/protocol",
      "src/disk",
      "src/dataset",
      "src/model",
      "src/hub",
      "src/run",
      "src/evaluation/report",
      "src/evaluation/completion",
      "src/evaluation",
      "src/completion-worker",
      "src/server",
    ],
  },
  ...Object.fromEntries(whatTheEditorAsks.map((area) => [area, { values: whatTheEditorAsks }])),
  "src/extension": {
    values: ["src/protocol", "src/disk", "src/run", "src/evaluation/report", ...whatTheEditorAsks],
    types: ["src/dataset", "src/server"],
  },
  webview: { values: ["src/protocol"] },
};

const sources = [...under("src/", /\.ts$/), ...under("webview/", /\.tsx?$/)];
const isTest = (path: string) => /\.test\.ts$/.test(path) || path.includes("/testing/");
const areaOf = (path: string) =>
  Object.keys(allowed).find((area) => path.replace(/\.ts$/, "") === area || path.startsWith(`${area}/`)) ?? null;

function violations(path: string): string[] {
  const area = areaOf(path);
  if (area === null) return [`${path} lies in a folder that docs/architecture.md does not know`];
  const rule = allowed[area]!;
  return importsOf(path, read(path)).flatMap(({ specifier, typeOnly }) => {
    if (specifier === "vscode") {
      return area === "src/extension" ? [] : [`${path} imports vscode, which only src/extension may`];
    }
    if (!specifier.startsWith(".")) return [];
    const target = normalize(join(dirname(path), specifier));
    const targetArea = areaOf(target);
    if (targetArea === area || (targetArea === null && !target.startsWith("src/"))) return [];
    if (targetArea !== null && rule.values.includes(targetArea)) return [];
    if (targetArea !== null && typeOnly && rule.types?.includes(targetArea)) return [];
    return [`${path} imports ${specifier}: ${area} may not see ${targetArea ?? target}`];
  });
}

describe("imports between folders", () => {
  it("finds every way to import", () => {
    const text = `
      import type { A } from "./a"; import { type B } from "./b"; import c from "./c"; export * from "./d";
      const e = await import("./e"); const f = require("./f"); type G = import("./g").G;`;
    expect(importsOf("x.ts", text)).toEqual([
      { specifier: "./a", typeOnly: true },
      { specifier: "./b", typeOnly: true },
      { specifier: "./c", typeOnly: false },
      { specifier: "./d", typeOnly: false },
      { specifier: "./e", typeOnly: false },
      { specifier: "./f", typeOnly: false },
      { specifier: "./g", typeOnly: true },
    ]);
  });

  it("sees the sources", () => {
    expect(sources.length).toBeGreaterThan(10);
  });

  it.each(Object.keys(allowed))("%s imports what it may", (area) => {
    // A test may bring together what the product keeps apart, but vscode exists in no test.
    const found = sources.filter((path) => areaOf(path) === area && !isTest(path)).flatMap(violations);
    expect(found).toEqual([]);
  });

  it("knows the folder of every source", () => {
    expect(sources.filter((path) => areaOf(path) === null)).toEqual([]);
  });

  it("keeps types alone in src/protocol: nothing there imports anything from elsewhere", () => {
    const outside = under("src/protocol/", /\.ts$/).flatMap((path) =>
      importsOf(path, read(path))
        .filter(({ specifier, typeOnly }) => !typeOnly || !/^\.\/[^/]+$/.test(specifier))
        .map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(outside).toEqual([]);
  });
});

/** What a folder of native/src may not include: the model knows devices through ops.h alone, devices know no model. */
const nativeForbidden: Record<string, string[]> = {
  model: ["cpu", "cuda", "commands"],
  train: ["cpu", "cuda", "commands"],
  io: ["cpu", "cuda", "commands"],
  run: ["cpu", "cuda", "commands"],
  cpu: ["model", "train", "run", "commands", "cuda"],
  cuda: ["model", "train", "run", "commands", "cpu"],
  no_cuda: ["model", "train", "run", "commands", "cpu"],
};

describe("includes in native/src", () => {
  const native = under("native/src/", /\.(cpp|h|cu|cuh)$/);
  const inside = (path: string) => path.slice("native/src/".length);
  const folderOf = (path: string) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : ".");
  const known = new Set(native.map(inside));

  it("sees the sources", () => {
    expect(native.length).toBeGreaterThan(4);
  });

  it.each(Object.keys(nativeForbidden))("%s includes what it may", (folder) => {
    const found = native.map(inside).flatMap((path) => {
      if (folderOf(path) !== folder) return [];
      return [...read(`native/src/${path}`).matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].flatMap(([, name]) => {
        const beside = normalize(join(dirname(path), name!));
        const target = known.has(name!) ? name! : beside;
        if (target.startsWith("..")) return [`${path} includes ${name}, outside of native/src`];
        return nativeForbidden[folder]!.includes(folderOf(target)) ? [`${path} includes ${name}`] : [];
      });
    });
    expect(found).toEqual([]);
  });

  it("keeps the products' library and CUDA behind ops.h", () => {
    const found = native.filter(
      (path) =>
        /^(model|train|io|run)\//.test(inside(path)) && /#\s*include\s+[<"](cblas|openblas|omp|cuda)/.test(read(path)),
    );
    expect(found).toEqual([]);
  });
});
