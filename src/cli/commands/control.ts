import { resolve } from "node:path";
import type { ControlMessage } from "../../protocol/engine";
import { sendControl, stopRun } from "../../run/control";
import { readHead } from "../../run/runMonitor";
import { type Command, type CommandContext, numberOption, UsageError } from "../command";
import { describeRun } from "../runText";

const messages: readonly ControlMessage["type"][] = ["stop", "pause", "resume", "checkpoint", "learning-rate"];
/** What run.json allows too. */
const leastLearningRate = 1e-8;
const mostLearningRate = 1;

/** The rate behind `learning-rate`, the only message that takes a value. */
function learningRate({ positionals }: CommandContext, type: ControlMessage["type"]): number | undefined {
  const text = positionals[2];
  if (type !== "learning-rate") {
    if (text !== undefined) throw new UsageError(`"${type}" takes no value, not "${text}".`);
    return undefined;
  }
  const rate = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  if (!(rate >= leastLearningRate && rate <= mostLearningRate)) {
    const given = text === undefined ? "" : `, not "${text}"`;
    throw new UsageError(
      `The learning rate must be a number from ${leastLearningRate} to ${mostLearningRate}${given}.`,
    );
  }
  return rate;
}

export const command: Command = {
  name: ["control"],
  summary: "stop, pause, resume or checkpoint a run that is going on, or change its learning rate",
  positionals: { usage: `DIR ${messages.join("|")} [RATE]`, min: 2, max: 3 },
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
    const rate = learningRate(context, type);
    if (type !== "stop") {
      await sendControl(directory, type, rate);
      const asked = rate === undefined ? type : `go on with the learning rate ${rate}`;
      context.result(
        { directory, sent: type, ...(rate === undefined ? {} : { learningRate: rate }) },
        `Asked the engine to ${asked}.`,
      );
      return 0;
    }
    await stopRun(directory, {
      signal: context.signal,
      ...(forceAfter === undefined ? {} : { forceAfterMs: forceAfter * 1000 }),
    });
    const head = await readHead(directory);
    context.result({ directory, ...head }, `${head.state}: ${describeRun(head)}`);
    return 0;
  },
};
