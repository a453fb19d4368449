import { resolve } from "node:path";
import { exportRunFolder } from "../../run/interchange/exportFolder";
import { type Command, requiredOption } from "../command";

export const command: Command = {
  name: ["runs", "export"],
  summary: "write a run as one folder: settings, figures, adapter, curves and a README.md",
  positionals: { usage: "RUN", min: 1, max: 1 },
  options: {
    output: { type: "string", value: "DIR", description: "the folder to make; it must not exist" },
    "with-data": { type: "boolean", description: "with the packed rows that the run was trained on" },
  },
  async run(context) {
    const output = resolve(context.cwd, requiredOption(context, "output"));
    const exported = await exportRunFolder(resolve(context.cwd, context.positionals[0]!), output, {
      withData: context.values["with-data"] === true,
      signal: context.signal,
      onProgress: (fraction) => context.progress("Copying", fraction),
    });
    for (const path of exported.leftOut) context.print(`${path} is not a plain file and was left out.`);
    const count = exported.files.length;
    context.result(exported, `${exported.directory}: ${count} files`);
    return 0;
  },
};
