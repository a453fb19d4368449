import { resolve } from "node:path";
import { type Prepared, prepareRun } from "../../dataset/prepare";
import { LISTED_ROWS } from "../../dataset/readDataset";
import { pinHeldOutInstructions } from "../../run/heldOutSamples";
import { noteProvenance } from "../../run/provenance";
import { readRunSpec } from "../../run/runDirectory";
import { type Command, requiredOption } from "../command";

export const command: Command = {
  name: ["prepare"],
  summary: "turn a run's data set into packed tokens",
  options: {
    run: { type: "string", value: "DIR", description: "the run directory; it holds run.json" },
  },
  async run(context) {
    const directory = resolve(context.cwd, requiredOption(context, "run"));
    const spec = await readRunSpec(directory);
    let reported = 0;
    const writeDown = await noteProvenance(directory, spec, context);
    const prepared = await prepareRun(spec, directory, {
      signal: context.signal,
      progress: context.progress,
      problem: (file, row, { check, message }) => {
        if (reported++ < LISTED_ROWS) context.problem({ file, row, check, message });
      },
    });
    await writeDown();
    await pinHeldOutInstructions(directory, context.signal);
    context.result(prepared, summary(prepared));
    return 0;
  },
};

function summary({ manifest: { template, train, eval: held, sources } }: Prepared): string {
  const count = (value: number) => value.toLocaleString("en");
  const part = (name: string, split: typeof train) =>
    `${name}: ${count(split.rows)} rows, ${count(split.tokens)} tokens (${count(split.targets)} learned) in ${count(split.sequences)} sequences`;
  const skipped = sources.reduce((sum, source) => sum + source.skipped, 0);
  const rows = skipped === 0 ? "no row" : skipped === 1 ? "1 row" : `${count(skipped)} rows`;
  return [part("Training", train), part("Held out", held), `Template ${template}; ${rows} skipped.`].join("\n");
}
