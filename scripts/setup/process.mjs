// Child processes for set-up and tests: output goes to a log file or to the terminal, a failure shows the log's end.
import { spawn } from "node:child_process";
import { accessSync, constants, createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
export const cache = join(root, ".cache");

export class SetupError extends Error {}

/**
 * npm passes this project's .npmrc to its scripts as variables; `ignore-scripts` among them would keep
 * native modules in other folders from being built. In a terminal of VS Code its own variables would make
 * code-server open folders there.
 */
export function childEnvironment(extra = {}) {
  const environment = { ...process.env };
  for (const name of Object.keys(environment)) {
    if (/^npm_config_(ignore_scripts|local_prefix|omit_lockfile_registry_resolved|prefix)$|^VSCODE_/i.test(name)) {
      delete environment[name];
    }
  }
  return { ...environment, ...extra };
}

/** The full path of a program, or null. */
export function findProgram(name) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** Says what is done, and afterwards how long it took. */
export async function announce(message, work) {
  console.log(`set-up: ${message} …`);
  const start = Date.now();
  const result = await work();
  console.log(`set-up: ${message}: done in ${((Date.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

/** Runs a program with its output in `.cache/logs/<log>.log`; throws with the log's end if it fails. */
export async function runLogged(log, command, args, { cwd = root, env = {}, append = false } = {}) {
  const folder = join(cache, "logs");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${log}.log`);
  const file = createWriteStream(path, { flags: append ? "a" : "w" });
  const code = await new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: childEnvironment(env), stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.pipe(file, { end: false });
    child.stderr.pipe(file, { end: false });
    child.on("error", reject);
    child.on("close", resolve);
  }).finally(() => new Promise((resolve) => file.end(resolve)));
  if (code !== 0) {
    const end = readFileSync(path, "utf8").trimEnd().split("\n").slice(-40).join("\n");
    throw new SetupError(`${command} ${args.join(" ")} ended with ${code}; the end of ${path}:\n${end}`);
  }
}

/** Runs a program on the terminal; resolves to its exit code (128 + n for a signal). */
export function runShown(command, args, { cwd = root, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: childEnvironment(env), stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 128));
  });
}

/** Runs a program, shows its output and returns it with the exit code. */
export function runTee(command, args, { cwd = root, env = {}, show = true } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: childEnvironment(env), stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const take = (stream) => (chunk) => {
      output += chunk;
      if (show) stream.write(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", take(process.stdout));
    child.stderr.setEncoding("utf8").on("data", take(process.stderr));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 128, output }));
  });
}
