import { resolve } from "node:path";
import { type Command, stringOption } from "../command";
import { engineFor } from "../runFlow";
import { trainAndReport } from "./train";

export const command: Command = {
  name: ["resume"],
  summary: "go on with a stopped or failed run from its last checkpoint",
  positionals: { usage: "DIR", min: 1, max: 1 },
  options: {
    "prepared-data": {
      type: "boolean",
      description: "go on with the rows as they were prepared, although the data set has changed since",
    },
    detach: { type: "boolean", description: "leave the engine running and return once it has started" },
    engine: { type: "string", value: "FILE", description: "the training engine, where it is not Tunesmith's own" },
  },
  async run(context) {
    const engine = await engineFor(stringOption(context, "engine"));
    const directory = resolve(context.cwd, context.positionals[0]!);
    return trainAndReport(directory, engine, context, {
      detach: context.values.detach === true,
      preparedData: context.values["prepared-data"] === true,
    });
  },
};
