import { resolve } from "node:path";
import type { CostlyRow, RowSourceFile, StepRowsReport } from "../../protocol/rowsView";
import { ranges } from "../../run/runSpec";
import { readStepRows } from "../../run/stepRows";
import { type Command, numberOption, requiredOption, stringOption } from "../command";
import { engineFor } from "../runFlow";

export const command: Command = {
  name: ["runs", "rows"],
  summary: "list the rows of a step's batch, those with the highest loss first",
  positionals: { usage: "RUN", min: 1, max: 1 },
  options: {
    step: { type: "string", value: "N", description: "which step; 1 is the first" },
    engine: { type: "string", value: "FILE", description: "the training engine, where it is not Tunesmith's own" },
  },
  async run(context) {
    requiredOption(context, "step");
    const step = numberOption(context, "step", { ...ranges["training.steps"], min: 1 })!;
    const engine = await engineFor(stringOption(context, "engine"));
    const directory = resolve(context.cwd, context.positionals[0]!);
    context.progress("Reading the step's rows", null);
    const report = await readStepRows(directory, step, engine, context.signal);
    context.result(report, describe(report));
    return 0;
  },
};

function describe({ step, total, rows, sources }: StepRowsReport): string {
  const more = total > rows.length ? [`and ${(total - rows.length).toLocaleString("en")} more`] : [];
  return [
    `Step ${step}: ${total.toLocaleString("en")} rows`,
    ...changed(sources),
    ...listRows(rows, sources),
    ...more,
  ].join("\n");
}

/** Says of which files the rows may have moved since. */
export function changed(sources: readonly RowSourceFile[]): string[] {
  return sources.flatMap(({ path, state }) => {
    if (state === "unchanged") return [];
    return [state === "missing" ? `${path} is no longer there.` : `${path} has changed since the run.`];
  });
}

/** `file:row  loss  tokens  how the row begins`, one a line. */
export function listRows(rows: readonly CostlyRow[], sources: readonly RowSourceFile[]): string[] {
  return rows.map(({ source, row, loss, tokens, preview }) => {
    const place = `${sources[source]?.path}:${row}`;
    return `${place}  ${loss === null ? "–" : loss.toFixed(3)}  ${tokens} tokens  ${preview}`.trimEnd();
  });
}
