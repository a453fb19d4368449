import { resolve } from "node:path";
import {
  type Header,
  type ImportResult,
  type Inspection,
  importDataset,
  inspectSource,
  parseColumnMapping,
  type SourceFormat,
  sourceFormats,
} from "../../dataset/import";
import { type Command, type CommandContext, requiredOption, stringOption, UsageError } from "../command";

const headers: readonly Header[] = ["auto", "yes", "no"];

export const command: Command = {
  name: ["dataset", "import"],
  summary: "make a data set of Parquet, Arrow, JSON, CSV or TSV files, or of a folder of Hugging Face datasets",
  positionals: { usage: "SOURCE…", min: 1, max: 10_000 },
  options: {
    output: { type: "string", short: "o", value: "FILE.jsonl", description: "where the rows go" },
    columns: {
      type: "string",
      multiple: true,
      value: "NAME=COLUMN,…",
      description: "the fields to write and the columns they come from, as in output=answers.text.0; all if not given",
    },
    split: { type: "string", value: "NAME", description: "which split, where the source has several" },
    config: { type: "string", value: "NAME", description: "which configuration of a folder's data card" },
    format: { type: "string", value: "FORMAT", description: `${sourceFormats.join(", ")}; found if not given` },
    header: {
      type: "string",
      value: "auto|yes|no",
      description: "whether the first row of CSV and TSV names the columns; auto: where it looks like it",
    },
    force: { type: "boolean", description: "replace the output where it exists" },
    inspect: { type: "boolean", description: "say what the source holds and write nothing" },
  },
  async run(context) {
    const sources = context.positionals.map((source) => resolve(context.cwd, source));
    const options = {
      format: oneOf(context, "format", ["auto", ...sourceFormats] as const) as SourceFormat | "auto",
      header: oneOf(context, "header", headers),
      split: stringOption(context, "split"),
      config: stringOption(context, "config"),
      signal: context.signal,
    };
    if (context.values.inspect === true) {
      const inspection = await inspectSource(sources, options);
      context.result(inspection, inspectionText(inspection));
      return 0;
    }
    const output = resolve(context.cwd, requiredOption(context, "output"));
    const columns = context.values.columns;
    const result = await importDataset(sources, output, {
      ...options,
      columns: Array.isArray(columns) ? parseColumnMapping(columns.map(String)) : [],
      force: context.values.force === true,
      onDropped: ({ path, line, check, message }) => context.problem({ file: path, row: line, check, message }),
      onProgress: (share, rows) =>
        context.progress("Importing rows", Math.min(1, share), `${rows.toLocaleString("en")} rows`),
    });
    context.result(result, resultText(result));
    return 0;
  },
};

/** The option's value, the first of `known` where it was not given. */
function oneOf<Value extends string>(context: CommandContext, name: string, known: readonly Value[]): Value {
  const text = stringOption(context, name) ?? known[0]!;
  const found = known.find((value) => value === text);
  if (found === undefined) throw new UsageError(`--${name} must be ${known.join(", ")}, not "${text}".`);
  return found;
}

function inspectionText({ sourceFormat, configs, splits, format, columns }: Inspection): string {
  const lines = [
    `${sourceFormat}: ${format === null ? "the rows fit no format as they are" : `the rows are ${format}`}.`,
  ];
  if (configs.length > 0) lines.push(`Configurations: ${configs.join(", ")}.`);
  if (splits.length > 0) lines.push(`Splits: ${splits.join(", ")}.`);
  return [...lines, ...columns.map(({ path, preview }) => `  ${path}: ${preview}`)].join("\n");
}

function resultText({ path, rows, columns, split, sources, leftOut, dropped, replaced }: ImportResult): string {
  const count = (value: number, name: string) => `${value.toLocaleString("en")} ${name}${value === 1 ? "" : "s"}`;
  const from = sources.length === 1 ? sources[0]!.path : `${sources.length} files`;
  const lines = [
    `${path}: ${count(rows, "row")} (${listed(columns)}) from ${from}${split === null ? "" : `, split ${split}`}.`,
  ];
  if (leftOut.length > 0) lines.push(`Columns left out: ${listed(leftOut)}.`);
  const dropCounts = Object.entries(dropped).map(([check, lost]) => `${lost.toLocaleString("en")} ${check}`);
  if (dropCounts.length > 0) lines.push(`Lines left out: ${dropCounts.join(", ")}.`);
  if (replaced.nonFinite > 0) lines.push(`${count(replaced.nonFinite, "NaN or infinite number")} written as null.`);
  if (replaced.largeIntegers > 0)
    lines.push(`${count(replaced.largeIntegers, "whole number")} beyond 2^53 written as text.`);
  if (replaced.roundedNumbers > 0) {
    lines.push(`${count(replaced.roundedNumbers, "row")} with numbers that lost digits as the columns were picked.`);
  }
  if (replaced.invalidTexts > 0)
    lines.push(`${count(replaced.invalidTexts, "text")} with bytes that are not UTF-8, written as U+FFFD.`);
  return lines.join("\n");
}

const MOST_NAMED = 30;

function listed(names: readonly string[]): string {
  const named = names.slice(0, MOST_NAMED).join(", ");
  return names.length > MOST_NAMED ? `${named} and ${names.length - MOST_NAMED} more` : named;
}
