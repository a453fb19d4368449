import { resolve } from "node:path";
import { type ConvertResult, convertDataset, writableFormats } from "../../dataset/convert";
import { type Command, requiredOption, stringOption } from "../command";

export const command: Command = {
  name: ["dataset", "convert"],
  summary: "write a data set in another format, and say what is lost",
  positionals: { usage: "FILE", min: 1, max: 1 },
  options: {
    to: { type: "string", value: "FORMAT", description: `the new format: ${writableFormats.join(", ")}` },
    output: { type: "string", short: "o", value: "FILE.jsonl", description: "where the rows go" },
    from: { type: "string", value: "FORMAT", description: "the rows' format; found if not given" },
    force: { type: "boolean", description: "replace the output where it exists" },
  },
  async run(context) {
    const path = resolve(context.cwd, context.positionals[0]!);
    const to = requiredOption(context, "to");
    const output = resolve(context.cwd, requiredOption(context, "output"));
    const result = await convertDataset(path, output, {
      from: { format: stringOption(context, "from") ?? "auto" },
      to,
      force: context.values.force === true,
      signal: context.signal,
      onProgress: (share, rows) =>
        context.progress("Converting rows", Math.min(1, share), `${rows.toLocaleString("en")} rows`),
      onLeftOut: ({ line, check, message }) => context.problem({ file: path, row: line, check, message }),
    });
    context.result(result, resultText(result));
    return 0;
  },
};

function resultText({ path, from, to, rows, leftOut, lost }: ConvertResult): string {
  const count = (value: number) => `${value.toLocaleString("en")} row${value === 1 ? "" : "s"}`;
  const lines = [`${path}: ${count(rows)} from ${from} to ${to}.`];
  if (leftOut > 0) lines.push(`Left out: ${count(leftOut)}.`);
  for (const [what, number] of Object.entries(lost)) lines.push(`Lost in ${count(number)}: ${what}.`);
  return lines.join("\n");
}
