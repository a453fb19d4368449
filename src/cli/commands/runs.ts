import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { describeError } from "../../disk/describeError";
import { listRunDirectories, runsFolderOf } from "../../run/runDirectory";
import { RunError } from "../../run/runError";
import { readHead } from "../../run/runMonitor";
import type { RunHead } from "../../run/runState";
import { type Command, UsageError } from "../command";
import { describeRun } from "../runText";

/** A run whose run.json cannot be read is listed with the reason. */
type Listed = { directory: string; head: RunHead } | { directory: string; error: string };

export const command: Command = {
  name: ["runs"],
  summary: "list the runs of a folder with their states, newest first",
  positionals: { usage: "DIR", min: 0, max: 1 },
  options: {
    format: { type: "string", value: "text|json", description: "json: one array with every run's figures" },
  },
  async run(context) {
    const format = context.values.format ?? "text";
    if (format !== "text" && format !== "json") throw new UsageError(`--format must be text or json, not "${format}".`);
    const runs = await listRuns(await runsFolderIn(resolve(context.cwd, context.positionals[0] ?? ".")));
    const value = runs.map((run) => ("head" in run ? { directory: run.directory, ...run.head } : run));
    context.result(value, format === "json" ? JSON.stringify(value, null, 2) : describe(runs));
    return 0;
  },
};

/** A folder of runs itself, or a project folder with one in it. */
async function runsFolderIn(folder: string): Promise<string> {
  const inside = runsFolderOf(folder);
  if (await isFolder(inside)) return inside;
  if (!(await isFolder(folder))) throw new RunError(`${folder} is not a folder.`);
  return folder;
}

async function listRuns(runsFolder: string): Promise<Listed[]> {
  const runs: Listed[] = [];
  for (const directory of await listRunDirectories(runsFolder)) {
    try {
      const head = await readHead(directory);
      runs.push({ directory, head });
    } catch (error) {
      runs.push({ directory, error: describeError(error) });
    }
  }
  return runs;
}

function describe(runs: readonly Listed[]): string {
  if (runs.length === 0) return "There are no runs here.";
  const width = Math.max(...runs.map((run) => basename(run.directory).length));
  return runs
    .map((run) => {
      const name = basename(run.directory).padEnd(width);
      if ("error" in run) return `${name}  unreadable  ${run.error}`;
      return `${name}  ${run.head.state.padEnd(9)}  ${describeRun(run.head)}`.trimEnd();
    })
    .join("\n");
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
