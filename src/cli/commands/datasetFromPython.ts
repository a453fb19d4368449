import { resolve } from "node:path";
import { datasetFromPython, type FromPythonResult } from "../../dataset/fromPython";
import { type Command, numberOption, requiredOption } from "../command";

export const command: Command = {
  name: ["dataset", "from-python"],
  summary: "make a data set of the functions with docstrings below a folder",
  positionals: { usage: "DIR", min: 1, max: 1 },
  options: {
    out: {
      type: "string",
      short: "o",
      value: "FILE.jsonl",
      description: "where the rows go; a file there is replaced",
    },
    "skip-tests": { type: "boolean", description: "leave out test folders and test files" },
    "max-characters": { type: "string", value: "N", description: "longest function taken; 4000 if not given" },
  },
  async run(context) {
    const folder = resolve(context.cwd, context.positionals[0]!);
    const out = resolve(context.cwd, requiredOption(context, "out"));
    const maxCharacters = numberOption(context, "max-characters", { min: 100, max: 1_000_000, whole: true });
    const result = await datasetFromPython(folder, out, {
      skipTests: context.values["skip-tests"] === true,
      signal: context.signal,
      progress: (files, path) => context.progress("Reading Python files", null, `${files} · ${path}`),
      ...(maxCharacters === undefined ? {} : { maxCharacters }),
    });
    context.result({ path: out, ...result }, summary(out, result));
    return 0;
  },
};

function summary(out: string, { rows, files, sources, skippedFunctions, skippedFiles }: FromPythonResult): string {
  const count = (value: number) => value.toLocaleString("en");
  const list = (counts: Record<string, number>) =>
    Object.entries(counts)
      .filter(([, value]) => value > 0)
      .map(([reason, value]) => `${count(value)} ${reason}`)
      .join(", ");
  const lines = [`${out}: ${count(rows)} rows from ${count(sources)} of ${count(files)} files.`];
  if (list(skippedFunctions) !== "") lines.push(`Functions left out: ${list(skippedFunctions)}.`);
  if (list(skippedFiles) !== "") lines.push(`Files left out: ${list(skippedFiles)}.`);
  return lines.join("\n");
}
