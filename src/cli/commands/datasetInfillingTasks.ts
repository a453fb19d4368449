import { resolve } from "node:path";
import { writeInfillingTasks } from "../../dataset/completionMix/infillingTasks";
import { type Command, numberOption, requiredOption } from "../command";

const DEFAULT_COUNT = 2000;

export const command: Command = {
  name: ["dataset", "infilling-tasks"],
  summary: "cut tasks for eval-completion from the Python files below a folder",
  positionals: { usage: "DIR", min: 1, max: 1 },
  options: {
    out: {
      type: "string",
      short: "o",
      value: "FILE.jsonl",
      description: "where the tasks go; a file there is replaced",
    },
    count: { type: "string", value: "N", description: `at most so many tasks; default ${DEFAULT_COUNT}` },
    seed: { type: "string", value: "N", description: "which tasks are cut; default 0" },
    "skip-tests": { type: "boolean", description: "leave out test folders and test files" },
  },
  async run(context) {
    const out = resolve(context.cwd, requiredOption(context, "out"));
    const result = await writeInfillingTasks(resolve(context.cwd, context.positionals[0]!), out, {
      count: numberOption(context, "count", { min: 1, max: 100_000, whole: true }) ?? DEFAULT_COUNT,
      seed: numberOption(context, "seed", { min: 0, max: 2 ** 32 - 1, whole: true }) ?? 0,
      skipTests: context.values["skip-tests"] === true,
      signal: context.signal,
      progress: (files, path) => context.progress("Reading Python files", null, `${files} · ${path}`),
    });
    const count = (value: number) => value.toLocaleString("en");
    const kinds = Object.entries(result.byKind).map(([kind, tasks]) => `${count(tasks)} ${kind}`);
    const text = `${out}: ${count(result.tasks)} tasks (${kinds.join(", ")}) from ${count(result.files)} files.`;
    context.result({ path: out, ...result }, text);
    return 0;
  },
};
