// Makes build/tunesmith-linux-x64.vsix: stages exactly what a user needs in build/package, then runs vsce on it.
// Needs node_modules and the release build of the engine. Usage: node scripts/package.mjs
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { writeNotices } from "./packaging/notices.mjs";
import { enginePath } from "./setup/native.mjs";
import { childEnvironment, root } from "./setup/process.mjs";

const TARGET = "linux-x64";
const stage = join(root, "build", "package");
const vsix = join(root, "build", `tunesmith-${TARGET}.vsix`);

/** Folders and files taken as they are, where they exist. */
const copied = ["media", "syntaxes", "l10n", "models/tiny-python", "README.md", "LICENSE", "CHANGELOG.md"];

/** Files of the packages that stay outside the bundles because they hold native code. */
const nativePackages = {
  "onnxruntime-node": {
    files: ["dist", "bin/napi-v6/linux/x64/onnxruntime_binding.node", "bin/napi-v6/linux/x64/libonnxruntime.so.1"],
    // adm-zip and global-agent serve its install script alone.
    dependencies: ["onnxruntime-common"],
  },
  "onnxruntime-common": { files: ["dist/cjs"], dependencies: [] },
  tokenizers: { files: ["index.js", "tokenizers.linux-x64-gnu.node", "LICENSE"], dependencies: [] },
};

class PackagingError extends Error {}

function run(command, args, cwd = root) {
  const result = spawnSync(command, args, { cwd, env: childEnvironment(), encoding: "utf8" });
  if (result.status !== 0) {
    throw new PackagingError(
      `${command} ${args.join(" ")} ended with ${result.status}:\n${result.stdout}${result.stderr}`,
    );
  }
  return result.stdout;
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

function stageManifest() {
  const {
    scripts: _scripts,
    devDependencies: _dev,
    bin: _bin,
    private: _private,
    ...manifest
  } = readJson(join(root, "package.json"));
  const kept = Object.keys(nativePackages).filter((name) => name in manifest.dependencies);
  manifest.dependencies = Object.fromEntries(kept.map((name) => [name, manifest.dependencies[name]]));
  writeJson(join(stage, "package.json"), manifest);
  for (const name of readdirSync(root)) {
    if (/^package\.nls(\.[\w-]+)?\.json$/.test(name)) cpSync(join(root, name), join(stage, name));
  }
}

function stageEngine() {
  if (!existsSync(enginePath)) {
    throw new PackagingError(`${enginePath} is missing: run \`npm run build\` first.`);
  }
  const target = join(stage, "bin", TARGET, "tunesmith-engine");
  mkdirSync(dirname(target), { recursive: true });
  run("strip", ["-o", target, enginePath]);
  chmodSync(target, 0o755);
}

/** Staged without their TypeScript declarations, source maps and other platforms' files. */
function stageNativePackages() {
  for (const [name, { files, dependencies }] of Object.entries(nativePackages)) {
    const from = join(root, "node_modules", name);
    const to = join(stage, "node_modules", name);
    mkdirSync(to, { recursive: true });
    for (const file of files) {
      if (!existsSync(join(from, file))) {
        throw new PackagingError(`node_modules/${name}/${file} is missing: has ${name} been updated?`);
      }
      cpSync(join(from, file), join(to, file), { recursive: true, filter: (path) => !/\.(d\.ts|map)$/.test(path) });
    }
    const { version, license, main, type, exports } = readJson(join(from, "package.json"));
    const needs = Object.fromEntries(
      dependencies.map((needed) => [needed, readJson(join(root, "node_modules", needed, "package.json")).version]),
    );
    writeJson(join(to, "package.json"), { name, version, license, main, type, exports, dependencies: needs });
  }
}

function stageAll() {
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  stageManifest();
  for (const path of copied) {
    if (existsSync(join(root, path))) cpSync(join(root, path), join(stage, path), { recursive: true });
  }
  const metafile = join(root, "build", "bundled-files.json");
  run("node", ["scripts/build.mjs", "--production", "--outdir", join(stage, "dist"), "--metafile", metafile]);
  stageEngine();
  stageNativePackages();
  writeNotices(join(stage, "ThirdPartyNotices.txt"), readJson(metafile), Object.keys(nativePackages));
}

function makeVsix() {
  const partial = join(root, "build", "package.partial.vsix");
  const vsce = join(root, "node_modules", "@vscode", "vsce", "vsce");
  const flags = ["--target", TARGET, "--out", partial, "--allow-missing-repository", "--no-rewrite-relative-links"];
  if (!existsSync(join(stage, "LICENSE"))) flags.push("--skip-license");
  console.log(run(process.execPath, [vsce, "package", ...flags], stage).trimEnd());
  renameSync(partial, vsix);
}

try {
  stageAll();
  makeVsix();
  console.log(vsix);
} catch (error) {
  console.error(error instanceof PackagingError ? error.message : error);
  process.exit(1);
}
