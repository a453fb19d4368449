import { resolve } from "node:path";
import { checkProvenance } from "../../run/provenance";
import { readRunSpec } from "../../run/runDirectory";
import type { Command } from "../command";

/** The exit code where something has changed. */
const CHANGED = 3;

export const command: Command = {
  name: ["runs", "check"],
  summary: "say whether data, base model and settings are still those that a run was made with",
  positionals: { usage: "RUN", min: 1, max: 1 },
  options: {},
  async run(context) {
    const directory = resolve(context.cwd, context.positionals[0]!);
    context.progress("Comparing data, model and settings", null);
    const check = await checkProvenance(directory, await readRunSpec(directory), context);
    const lines = check.changes.map(({ message }) => message);
    context.result(check, lines.length === 0 ? "Nothing has changed." : lines.join("\n"));
    return lines.length === 0 ? 0 : CHANGED;
  },
};
