import { resolve } from "node:path";
import type { ControlMessage } from "../../protocol/engine";
import { sendControl, stopRun } from "../../run/control";
import { readSnapshot } from "../../run/runMonitor";
import { type Command, numberOption, UsageError } from "../command";
import { describeRun } from "../runText";

const messages: readonly ControlMessage["type"][] = ["stop", "pause", "resume", "checkpoint"];

export const command: Command = {
  name: ["control"],
  summary: "stop, pause, resume or checkpoint a run that is going on",
  positionals: { usage: `DIR ${messages.join("|")}`, min: 2, max: 2 },
  options: {
    "force-after": {
      type: "string",
      value: "SECONDS",
      description: "with stop: end an engine that does not obey, losing what came after its last checkpoint",
    },
  },
  async run(context) {
    const directory = resolve(context.cwd, context.positionals[0]!);
    const type = messages.find((message) => message === context.positionals[1]);
    if (type === undefined)
      throw new UsageError(`A run takes ${messages.join(", ")}, not "${context.positionals[1]}".`);
    const forceAfter = numberOption(context, "force-after", { min: 0.1, max: 3600 });
    if (type !== "stop") {
      await sendControl(directory, type);
      context.result({ directory, sent: type }, `Asked the engine to ${type}.`);
      return 0;
    }
    await stopRun(directory, {
      signal: context.signal,
      ...(forceAfter === undefined ? {} : { forceAfterMs: forceAfter * 1000 }),
    });
    const { curve: _, ...head } = await readSnapshot(directory);
    context.result({ directory, ...head }, `${head.state}: ${describeRun(head)}`);
    return 0;
  },
};
