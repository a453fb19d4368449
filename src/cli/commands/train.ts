import { resolve } from "node:path";
import { runsFolderOf } from "../../run/runDirectory";
import { type Command, type CommandContext, stringOption, UsageError } from "../command";
import { createPreparedRun, engineFor, followRun, startRun } from "../runFlow";
import { newRunFrom, newRunOptions } from "../runOptions";
import { describeRun } from "../runText";

export const command: Command = {
  name: ["train"],
  summary: "create a run, or go on with one, and follow it to its end; Ctrl-C stops it with a checkpoint",
  options: {
    run: { type: "string", value: "DIR", description: "a run directory to start or to go on with" },
    out: { type: "string", value: "DIR", description: "where a new run's folder is made; default ./.tunesmith/runs" },
    detach: { type: "boolean", description: "leave the engine running and return once it has started" },
    engine: { type: "string", value: "FILE", description: "the training engine, where it is not Tunesmith's own" },
    ...newRunOptions,
  },
  async run(context) {
    const engine = await engineFor(stringOption(context, "engine"));
    const directory = await runDirectoryFor(context);
    return trainAndReport(directory, engine, context, { detach: context.values.detach === true });
  },
};

async function runDirectoryFor(context: CommandContext): Promise<string> {
  const existing = stringOption(context, "run");
  if (existing !== undefined) {
    const given = Object.keys(newRunOptions).find((option) => context.values[option] !== undefined);
    if (given !== undefined)
      throw new UsageError(`--${given} is for a new run; with --run the settings are those of run.json.`);
    return resolve(context.cwd, existing);
  }
  const out = stringOption(context, "out");
  const runsFolder = out === undefined ? runsFolderOf(context.cwd) : resolve(context.cwd, out);
  const { directory, manifest } = await createPreparedRun(runsFolder, newRunFrom(context), context);
  const { train, eval: held, completion } = manifest;
  const samples = completion === undefined ? "" : `, ${completion.fim + completion.prefix} samples for completion`;
  context.print(`${directory}: ${train.rows} rows to train on, ${held.rows} held out${samples}`);
  return directory;
}

/** Starts the engine and, unless detached, follows it to its end. */
export async function trainAndReport(
  directory: string,
  engine: string,
  context: CommandContext,
  { detach, preparedData = false }: { detach: boolean; preparedData?: boolean },
): Promise<number> {
  await startRun(directory, engine, context, { preparedData });
  if (detach) {
    context.result({ directory }, `The engine is at work in ${directory}; tunesmith runs shows how far it is.`);
    return 0;
  }
  const head = await followRun(directory, context);
  context.result({ directory, ...head }, `${directory}: ${head.state}, ${describeRun(head)}`);
  return 0;
}
