// The engine's own tests, in the release and in the sanitizer build, those of its CUDA device, and its check against golden
// references on the CPU and on a GPU. What needs a GPU is counted as skipped where there is none.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { enginePath, nativeFolder } from "../setup/native.mjs";
import { root, runTee } from "../setup/process.mjs";

export const purposes = ["build"];
export const needs = ["native"];

/** Built where nvcc is. */
const cudaTests = "tunesmith-cuda-tests";
const model = join(root, "models", "tiny-python");
/** The first is there only in the project's own workplace; it holds parts that are too large for the repository. */
const referenceFolders = [join(root, "..", "shared", "golden"), join(root, "test", "fixtures", "golden")];

export async function run(setup) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const add = (counts) => {
    for (const key of Object.keys(total)) total[key] += counts[key];
  };
  add(await runDoctest("release", "tunesmith-tests"));
  const gpu = await findGpu();
  if (existsSync(join(nativeFolder("release"), cudaTests))) {
    add(await runDoctest("release", cudaTests));
  } else {
    console.log(`skipped - ${cudaTests}: ${gpu.why}`);
    add({ passed: 0, failed: 0, skipped: 1 });
  }
  for (const reference of references()) {
    add(await verify(reference, ["--device", "cpu"]));
    for (const precision of ["float32", "bf16"]) {
      const device = ["--device", "cuda", "--precision", precision];
      add(gpu.found ? await verify(reference, device) : skipVerify(reference, device, gpu.why));
    }
  }
  await setup.native("sanitize");
  add(await runDoctest("sanitize", "tunesmith-tests"));
  return total;
}

/** Whether the engine can compute on a GPU here, and why or why not. */
async function findGpu() {
  const { code, output } = await runTee(enginePath, ["devices", "--json"], { show: false });
  if (code !== 0) throw new Error(`tunesmith-engine devices ended with ${code}:\n${output}`);
  // A driver may write lines of its own around it.
  const { used, why } = JSON.parse(output.split("\n").find((line) => line.startsWith("{")));
  return { found: used.startsWith("cuda:"), why };
}

async function runDoctest(preset, program) {
  console.log(`--- ${program} (${preset})`);
  const { code, output } = await runTee(join(nativeFolder(preset), program), []);
  const counts = countDoctest(output);
  if (counts === null) {
    console.error(`${program} (${preset}) ended with ${code} before its summary.`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // A leak that the sanitizer finds at exit is no failed test case, but a failure.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

export function countDoctest(output) {
  const summary = /test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed(?: \|\s*(\d+) skipped)?/.exec(
    stripColours(output),
  );
  if (summary === null) return null;
  const [, passed, failed, skipped] = summary;
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped ?? 0) };
}

const stripColours = (text) => text.replace(/\x1b\[[\d;]*m/g, "");

/** Folders with a reference.json, each name once. */
function references() {
  const found = new Map();
  for (const folder of referenceFolders) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder).sort()) {
      if (!found.has(name) && existsSync(join(folder, name, "reference.json"))) found.set(name, join(folder, name));
    }
  }
  return [...found.values()];
}

async function verify(reference, device) {
  console.log(`--- tunesmith-engine verify ${device.join(" ")} --reference ${reference}`);
  const args = ["verify", "--model", model, "--reference", reference, ...device];
  // A line for each of some hundred figures: of interest where one exceeds its bound.
  const { code, output } = await runTee(enginePath, args, { show: false });
  const lines = output.trimEnd().split("\n");
  console.log((code === 0 ? lines.slice(-1) : lines).join("\n"));
  console.log(`${code === 0 ? "ok" : "not ok"} - verify ${device.join(" ")} ${reference}`);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

function skipVerify(reference, device, why) {
  console.log(`skipped - verify ${device.join(" ")} ${reference}: ${why}`);
  return { passed: 0, failed: 0, skipped: 1 };
}
