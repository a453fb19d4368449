// The whole way once, headless, through the code that the extension runs. Does its own set-up.
// Usage: npm run demo [-- --data FILE.jsonl]
// The last line of stdout is one JSON object.

import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root, SetupError } from "./setup/process.mjs";
import { ensure } from "./setup.mjs";

/** Looked at before the set-up: nobody should wait minutes to hear of a slip in a path. */
function dataProblem(file) {
  try {
    if (!statSync(file).isFile()) return `${file} is not a file: choose a .jsonl file.`;
    accessSync(file, constants.R_OK);
    return null;
  } catch (error) {
    const causes = { ENOENT: "there is no such file", ENOTDIR: "there is no such file", EACCES: "permission denied" };
    return `${file}: ${causes[error.code] ?? error.message}.`;
  }
}

function fail(message, code) {
  console.error(message);
  process.exit(code);
}

let data;
try {
  ({ data } = parseArgs({ options: { data: { type: "string" } } }).values);
} catch (error) {
  fail(`${error.message}\nUsage: npm run demo [-- --data FILE.jsonl]`, 2);
}
// npm changes to the project's folder; a relative path is meant from where the user is.
const file = data === undefined ? undefined : resolve(process.env.INIT_CWD ?? process.cwd(), data);
const problem = file === undefined ? null : dataProblem(file);
if (problem !== null) fail(problem, 1);
try {
  await ensure({ build: true, demo: true });
} catch (error) {
  fail(error instanceof SetupError ? error.message : error, 1);
}
const args = [join(root, "dist", "cli.js"), "demo", ...(file === undefined ? [] : ["--data", file])];
const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
// Ctrl-C reaches the child by itself; it stops the run with a checkpoint and ends.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => signal === "SIGTERM" && child.kill(signal));
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
