// Makes build/tunesmith-linux-x64.vsix: stages exactly what a user needs in build/package, then runs vsce on it.
// Needs node_modules and the release build of the engine. Usage: node scripts/package.mjs [--engine package|release]
// What ships holds an engine for every GPU, built by the preset `package`; the tests do with the release engine, which is
// there already.
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
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { writeNotices } from "./packaging/notices.mjs";
import { buildNative, nativeFolder } from "./setup/native.mjs";
import { childEnvironment, root, SetupError } from "./setup/process.mjs";

const TARGET = "linux-x64";
const stage = join(root, "build", "package");
const vsix = join(root, "build", `tunesmith-${TARGET}.vsix`);
const LARGEST_ENGINE = 64 * 2 ** 20;

/** Folders and files taken as they are, where they exist. */
const copied = [
  "media",
  "syntaxes",
  "l10n",
  "models/tiny-python",
  "docs/checks",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
];

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

/** Why CMake built this preset's engine without CUDA; empty where it has it, null where nothing is built. */
function withoutCuda(preset) {
  const path = join(nativeFolder(preset), "CMakeCache.txt");
  if (!existsSync(path)) return null;
  return /^TUNESMITH_WITHOUT_CUDA:INTERNAL=(.*)$/m.exec(readFileSync(path, "utf8"))?.[1] ?? null;
}

/** The engine that goes in: for every GPU where CMake found nvcc, else the one that is built already. */
async function chooseEngine(preset) {
  const release = join(nativeFolder("release"), "tunesmith-engine");
  const reason = withoutCuda("release");
  if (reason === null || !existsSync(release)) {
    throw new PackagingError(`${release} is missing or old: run \`npm run build\` first.`);
  }
  if (preset === "release") return release;
  if (reason !== "") {
    console.log(`The engine in the package computes on the CPU only: ${reason}.`);
    return release;
  }
  // Configured anew, since the preset may name other GPUs by now; what is compiled already stays.
  rmSync(join(nativeFolder(preset), "CMakeCache.txt"), { force: true });
  await buildNative(preset);
  return join(nativeFolder(preset), "tunesmith-engine");
}

function stageEngine(engine) {
  const target = join(stage, "bin", TARGET, "tunesmith-engine");
  mkdirSync(dirname(target), { recursive: true });
  run("strip", ["-o", target, engine]);
  chmodSync(target, 0o755);
  const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);
  const { size } = statSync(target);
  if (size > LARGEST_ENGINE) {
    throw new PackagingError(
      `The engine has ${mebibytes(size)} MiB, and ${mebibytes(LARGEST_ENGINE)} MiB is the most: is it compiled for too many GPUs?`,
    );
  }
  console.log(`The engine has ${mebibytes(size)} MiB.`);
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

function stageAll(engine) {
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  stageManifest();
  for (const path of copied) {
    if (existsSync(join(root, path))) cpSync(join(root, path), join(stage, path), { recursive: true });
  }
  const metafile = join(root, "build", "bundled-files.json");
  run("node", ["scripts/build.mjs", "--production", "--outdir", join(stage, "dist"), "--metafile", metafile]);
  stageEngine(engine);
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
  const { values } = parseArgs({ options: { engine: { type: "string", default: "package" } } });
  if (!["package", "release"].includes(values.engine)) {
    throw new PackagingError(`There is no engine "${values.engine}" to package: name package or release.`);
  }
  stageAll(await chooseEngine(values.engine));
  makeVsix();
  console.log(vsix);
} catch (error) {
  console.error(error instanceof PackagingError || error instanceof SetupError ? error.message : error);
  process.exit(1);
}
