import { resolve } from "node:path";
import { type Command, stringOption } from "../command";
import { engineFor } from "../runFlow";
import { trainAndReport } from "./train";

export const command: Command = {
  name: ["resume"],
  summary: "go on with a stopped or failed run from its last checkpoint",
  positionals: { usage: "DIR", min: 1, max: 1 },
  options: {
    detach: { type: "boolean", description: "leave the engine running and return once it has started" },
    engine: { type: "string", value: "FILE", description: "the training engine, where it is not Tunesmith's own" },
  },
  async run(context) {
    const engine = await engineFor(stringOption(context, "engine"));
    const directory = resolve(context.cwd, context.positionals[0]!);
    return trainAndReport(directory, engine, context.values.detach === true, context);
  },
};
