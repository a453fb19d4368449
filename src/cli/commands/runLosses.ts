import { resolve } from "node:path";
import { reportRowLosses } from "../../run/rowLosses";
import { writeRowLossFiles } from "../../run/rowLossFiles";
import { writeRowLossTable } from "../../run/rowLossTable";
import { RunError } from "../../run/runError";
import { RunMonitor } from "../../run/runMonitor";
import { type Command, numberOption, stringOption, UsageError } from "../command";
import { changed, listRows } from "./runRows";

export const command: Command = {
  name: ["runs", "losses"],
  summary: "list the rows that cost most in a pass over the data, or write what each row cost as CSV",
  positionals: { usage: "RUN", min: 1, max: 1 },
  options: {
    pass: { type: "string", value: "N", description: "which pass; default: the last that has been recorded" },
    beside: {
      type: "boolean",
      description: "write a CSV of all rows beside each data set that is unchanged, once a pass",
    },
    output: { type: "string", value: "FILE", description: "write all rows as CSV to this file instead" },
  },
  async run(context) {
    const directory = resolve(context.cwd, context.positionals[0]!);
    const asked = numberOption(context, "pass", { min: 1, max: 1e6, whole: true });
    const pass = asked ?? (await lastPass(directory));
    const output = stringOption(context, "output");
    if (context.values.beside === true) {
      if (output !== undefined) throw new UsageError("Give --beside or --output, not both.");
      const written = await writeRowLossFiles(directory, pass, context.signal);
      context.result(written, written.files.map(({ file, problem }) => problem ?? file).join("\n"));
      return 0;
    }
    if (output !== undefined) {
      const file = resolve(context.cwd, output);
      const rows = await writeRowLossTable(directory, pass, file, context.signal);
      context.result({ file, rows }, `${file}: ${rows.toLocaleString("en")} rows of pass ${pass}`);
      return 0;
    }
    context.progress("Reading the rows' losses", null);
    const report = await reportRowLosses(directory, pass, context.signal);
    const { met, median, sources, worst } = report;
    const head = `Pass ${pass}: ${met.toLocaleString("en")} rows, median loss ${median.toFixed(3)}`;
    context.result(report, [head, ...changed(sources), ...listRows(worst, sources)].join("\n"));
    return 0;
  },
};

async function lastPass(directory: string): Promise<number> {
  const monitor = await RunMonitor.open(directory);
  const last = monitor.history.rowLosses.at(-1);
  if (last === undefined) {
    throw new RunError(`${directory} has no losses of rows yet: they are written after each pass over the data.`);
  }
  return last.pass;
}
