/** What the packaged extension holds. The test runner makes the package first; alone: `npm run package`. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromBuffer } from "yauzl";

const vsix = resolve(__dirname, "../../build/tunesmith-linux-x64.vsix");

async function readEntries(path: string): Promise<Map<string, Buffer>> {
  const archive = readFileSync(path);
  return new Promise((done, fail) => {
    fromBuffer(archive, { lazyEntries: true }, (error, zip) => {
      if (error) return fail(error);
      const entries = new Map<string, Buffer>();
      zip.on("error", fail);
      zip.on("end", () => done(entries));
      zip.on("entry", (entry) => {
        zip.openReadStream(entry, (problem, stream) => {
          if (problem) return fail(problem);
          const chunks: Buffer[] = [];
          stream.on("data", (chunk: Buffer) => chunks.push(chunk));
          stream.on("error", fail);
          stream.on("end", () => {
            entries.set(entry.fileName.replace(/^extension\//, ""), Buffer.concat(chunks));
            zip.readEntry();
          });
        });
      });
      zip.readEntry();
    });
  });
}

describe("the package", () => {
  let entries = new Map<string, Buffer>();
  let folder = "";
  let engine = "";
  const names = () => [...entries.keys()];
  // biome-ignore lint/suspicious/noExplicitAny: a manifest is looked into at many places.
  let manifest: any;

  beforeAll(async () => {
    if (!existsSync(vsix)) throw new Error(`${vsix} is missing: run \`npm run package\` first.`);
    entries = await readEntries(vsix);
    manifest = JSON.parse(entries.get("package.json")!.toString());
    folder = mkdtempSync(join(tmpdir(), "tunesmith-package-"));
    engine = join(folder, "tunesmith-engine");
    writeFileSync(engine, entries.get("bin/linux-x64/tunesmith-engine") ?? "");
    chmodSync(engine, 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("holds the engine, the base model and every bundle", () => {
    expect(names()).toEqual(
      expect.arrayContaining([
        "bin/linux-x64/tunesmith-engine",
        "models/tiny-python/config.json",
        "models/tiny-python/tokenizer.json",
        "dist/extension.js",
        "dist/language-client.js",
        "dist/server.js",
        "dist/completion-worker.js",
        "dist/cli.js",
        "dist/webview/run-panel.js",
        "dist/webview/now.js",
        "ThirdPartyNotices.txt",
        "package.nls.json",
      ]),
    );
  });

  it("is for linux-x64 alone", () => {
    expect(entries.get("extension.vsixmanifest")!.toString()).toContain('TargetPlatform="linux-x64"');
    const native = names().filter((name) => /\.(node|so|dylib|dll|exe)(\.|$)/.test(name));
    expect(native.sort()).toEqual([
      "node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1",
      "node_modules/onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node",
      "node_modules/tokenizers/tokenizers.linux-x64-gnu.node",
    ]);
  });

  it("holds no sources, tests, maps or other node modules", () => {
    const unwanted = names().filter((name) =>
      /\.(ts|tsx|map|cpp|h|mjs)$|(^|\/)(test|tests|src|native|bench)\//.test(name),
    );
    expect(unwanted).toEqual([]);
    const modules = new Set(
      names()
        .filter((name) => name.startsWith("node_modules/"))
        .map((name) => name.split("/")[1]),
    );
    expect([...modules].sort()).toEqual(["onnxruntime-common", "onnxruntime-node", "tokenizers"]);
  });

  it("names no file that it does not hold", () => {
    const named = JSON.stringify(manifest).match(/"(?:\.\/)?(?:media|dist|syntaxes|l10n)\/[^"]+"/g) ?? [];
    const paths = named.map((path) => JSON.parse(path).replace(/^\.\//, ""));
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path: string) => !entries.has(path))).toEqual([]);
  });

  it("explains every text that its manifest leaves to package.nls.json", () => {
    const texts = JSON.parse(entries.get("package.nls.json")!.toString());
    const used = [...JSON.stringify(manifest).matchAll(/"%([^%"]+)%"/g)].map((match) => match[1]!);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((key) => !(key in texts))).toEqual([]);
    expect(Object.keys(texts).filter((key) => !used.includes(key))).toEqual([]);
  });

  it("depends at run time only on what stays outside of the bundles", () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(["onnxruntime-node", "tokenizers"]);
    expect(manifest.devDependencies).toBeUndefined();
    expect(manifest.engines.vscode).toBe("^1.100.0");
    expect(manifest.extensionKind).toEqual(["workspace"]);
  });

  it("carries the licences of what it holds of others", () => {
    const notices = entries.get("ThirdPartyNotices.txt")!.toString();
    for (const name of [
      "onnxruntime-node",
      "tokenizers",
      "uplot",
      "OpenBLAS",
      "nlohmann/json",
      "vscode-languageclient",
    ]) {
      expect(notices).toContain(name);
    }
  });

  it("has a sane size", () => {
    const megabytes = readFileSync(vsix).length / 2 ** 20;
    expect(megabytes).toBeGreaterThan(30);
    expect(megabytes).toBeLessThan(80);
  });

  it("has an engine that needs glibc alone", () => {
    const listed = execFileSync("ldd", [engine], { encoding: "utf8" });
    const libraries = listed
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s/)[0]!.replace(/^.*\//, ""));
    const glibc = /^(linux-vdso|ld-linux-x86-64|libc|libm|libpthread|libdl|librt)\.so(\.\d+)?$/;
    expect(libraries.length).toBeGreaterThan(0);
    expect(libraries.filter((name) => !glibc.test(name))).toEqual([]);
  });

  it("has an engine that starts", () => {
    const version = execFileSync(engine, ["--version"], { encoding: "utf8" });
    expect(version).toContain(manifest.version);
  });

  it("has an engine that says what it computes on", () => {
    const { devices, used, why } = JSON.parse(execFileSync(engine, ["devices", "--json"], { encoding: "utf8" }));
    expect(devices.at(-1)).toMatchObject({ kind: "cpu", usable: true });
    expect(used).toMatch(/^(cpu|cuda:\d+)$/);
    expect(why).not.toBe("");
  });

  it("has an engine of at most 64 MiB, without symbols", () => {
    expect(statSync(engine).size).toBeLessThanOrEqual(64 * 2 ** 20);
    const sections = execFileSync("readelf", ["--section-headers", "--wide", engine], { encoding: "utf8" });
    expect(sections).not.toMatch(/ \.(symtab|debug_\w+) /);
  });
});
