import { resolve } from "node:path";
import { arrayMessage } from "../../dataset/rows";
import { type FoundProblem, type Validation, validateFile } from "../../dataset/validate";
import { type Command, type CommandContext, stringOption, UsageError } from "../command";

export const command: Command = {
  name: ["validate"],
  summary: "check a data set and list every row that cannot be used",
  positionals: { usage: "FILE", min: 1, max: 1 },
  options: {
    format: { type: "string", value: "text|json", description: "how problems are printed; json: one object a line" },
    "data-format": { type: "string", value: "ID", description: "the rows' format; detected where it is not given" },
  },
  async run(context) {
    const path = resolve(context.cwd, context.positionals[0]!);
    const output = outputFormat(context);
    const dataFormat = stringOption(context, "data-format") ?? "auto";
    const validation = await validateFile(path, dataFormat, (found) => print(context, output, path, found), {
      signal: context.signal,
      // A progress line would mix with the problems.
      progress: context.json ? context.progress : undefined,
    });
    if (output === "json" && !context.json) context.print(JSON.stringify(validation));
    else context.result(validation, summary(validation));
    return validation.usable === 0 ? 1 : 0;
  },
};

type Output = "text" | "json";

function outputFormat(context: CommandContext): Output {
  const output = stringOption(context, "format") ?? "text";
  if (output === "text" || output === "json") return output;
  throw new UsageError(`--format must be text or json, not "${output}".`);
}

function print(context: CommandContext, output: Output, path: string, found: FoundProblem): void {
  const { row, column, reason, message } = found;
  if (context.json) context.problem({ file: path, row, reason, message });
  else if (output === "json") context.print(JSON.stringify({ row, column, reason, message, path: found.path }));
  else context.print(`${path}:${row}:${column}: ${message}`);
}

function summary({ path, format, rows, usable, problems, byReason, isArray }: Validation): string {
  if (rows === 0) return `${path} is empty: it must hold one row a line.`;
  if (isArray && usable === 0) return arrayMessage(path);
  const shown = (count: number, name: string) => `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
  const reasons = Object.entries(byReason).map(([reason, count]) => `${count} ${reason}`);
  const totals = [
    `${format ?? "unknown format"}: ${shown(rows, "row")}`,
    `${usable.toLocaleString("en")} usable`,
    problems === 0 ? "no problems" : `${shown(problems, "problem")} (${reasons.join(", ")})`,
  ].join(", ");
  return usable > 0 ? `${totals}.` : `${totals}. No row can be used: a run on this file cannot start.`;
}
