import { resolve } from "node:path";
import { normaliseFile } from "../../dataset/fixes/normaliseFile";
import type { Command } from "../command";

export const command: Command = {
  name: ["dataset", "normalise"],
  summary: "take a data set's byte order mark away and end every line with LF, in place",
  positionals: { usage: "FILE", min: 1, max: 1 },
  options: {},
  async run(context) {
    const path = resolve(context.cwd, context.positionals[0]!);
    context.progress("Normalising", null);
    const result = await normaliseFile(path, context.signal);
    const mark = result.byteOrderMark ? "byte order mark removed, " : "";
    context.result({ path, ...result }, `${path}: ${mark}${result.lineEnds.toLocaleString("en")} line ends changed.`);
    return 0;
  },
};
