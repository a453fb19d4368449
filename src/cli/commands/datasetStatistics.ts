import { resolve } from "node:path";
import { TokenCheck } from "../../dataset/scan/tokenStage";
import { datasetReport } from "../../dataset/statistics/datasetReport";
import { loadTokenizer } from "../../dataset/tokenizer";
import type { DatasetReport } from "../../protocol/datasetView";
import { defaultSettings, ranges } from "../../run/runSpec";
import { type Command, type CommandContext, numberOption, type OptionSpecs } from "../command";
import { fileOptions, readValidationOptions, type ValidationOptions, validationOptions } from "../validation/options";

const { format: _f, report: _r, "max-problems": _m, ...shared } = validationOptions;

const options: OptionSpecs = {
  ...shared,
  format: { type: "string", value: "text|json", description: "how the figures are printed" },
  "held-out-share": {
    type: "string",
    value: "SHARE",
    description: "share of the rows that a run would hold out where no file holds them; default 0.1",
  },
  seed: { type: "string", value: "N", description: "seed of the split; default 0" },
};

export const command: Command = {
  name: ["dataset", "statistics"],
  summary: "say what a data set is made of: lengths, split, duplicates, languages, tasks, problems",
  positionals: { usage: "FILE", min: 1, max: 1 },
  options,
  async run(context) {
    const path = resolve(context.cwd, context.positionals[0]!);
    const chosen = readValidationOptions(context);
    const heldOutRange = { min: 0, max: ranges["dataset.heldOut.fraction"].max };
    const fraction = numberOption(context, "held-out-share", heldOutRange) ?? 0.1;
    const seed = numberOption(context, "seed", ranges["training.seed"]) ?? defaultSettings().training.seed;
    const report = await datasetReport(path, {
      ...fileOptions(context, path, chosen),
      scope: chosen.scope,
      severities: chosen.severities,
      tokens: await tokensFor(chosen, context),
      split: { fraction, by: "auto", seed },
      signal: context.signal,
      progress: context.progress,
    });
    if (chosen.output === "json" && !context.json) context.print(JSON.stringify(report));
    else context.result(report, text(report));
    return 0;
  },
};

async function tokensFor({ tokens }: ValidationOptions, context: CommandContext) {
  if (tokens === null) return undefined;
  context.progress("Loading the tokenizer", null);
  const { folder, sequenceLength, template } = tokens;
  return { stage: new TokenCheck(await loadTokenizer(folder), { sequenceLength, template }), sequenceLength };
}

function text(report: DatasetReport): string {
  const { format, rows, usable, unit, length, beyond, sequenceLength, split, duplicates } = report;
  const lines = [
    `${format ?? "unknown format"}: ${count(rows)} rows, ${count(usable)} usable.`,
    `Length: ${count(length.total)} ${unit}; half of the rows have at most ${count(length.p50)}, 95 % at most ${count(length.p95)}, the longest ${count(length.max)}.`,
  ];
  if (beyond !== null && sequenceLength !== null) {
    lines.push(`Longer than a sequence of ${count(sequenceLength)} tokens: ${count(beyond)} rows.`);
  }
  if (split !== null) lines.push(`Split: ${count(split.train)} rows to learn, ${count(split.heldOut)} held out.`);
  const { exact, near, conflicting, leaked } = duplicates;
  const compared =
    near === null || conflicting === null ? "" : ` ${count(near)} near, ${count(conflicting)} with other answers,`;
  lines.push(`Repeated: ${count(exact)} exact,${compared} ${count(leaked)} in the held-out file.`);
  const list = (title: string, counts: readonly { name: string; rows: number }[]) => {
    if (counts.length > 0) lines.push(`${title}: ${counts.map((one) => `${one.name} ${count(one.rows)}`).join(", ")}.`);
  };
  list("Answers", report.languages);
  list("Tasks", report.tasks);
  list(
    "Problems (rows)",
    report.problems.map(({ check, rows: found }) => ({ name: check, rows: found })),
  );
  if (report.checks === "structure") lines.push("Texts were not checked: --checks all does.");
  return lines.join("\n");
}

function count(value: number): string {
  return value.toLocaleString("en");
}
