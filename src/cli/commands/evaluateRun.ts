import { resolve } from "node:path";
import { reportSentence } from "../../evaluation/report/sentence";
import type { EvaluationReport } from "../../protocol/evaluation";
import { type Command, type CommandContext, numberOption, stringOption, UsageError } from "../command";
import { engineFor } from "../runFlow";

const DEFAULT_ROWS = 50;
const DEFAULT_TOKENS = 256;

export const command: Command = {
  name: ["runs", "evaluate"],
  summary: "compare a run's tuned model with its base model on held-out rows",
  positionals: { usage: "RUN", min: 1, max: 1 },
  options: {
    rows: { type: "string", value: "N", description: `answer at most N held-out instructions (${DEFAULT_ROWS})` },
    "max-tokens": { type: "string", value: "N", description: `tokens of an answer at most (${DEFAULT_TOKENS})` },
    "run-code": { type: "boolean", description: "run the tests that rows carry, where they can be enclosed" },
    device: {
      type: "string",
      value: "cpu|cuda",
      description: "default: where the run was trained, unless a run computes there",
    },
    engine: { type: "string", value: "FILE", description: "the training engine, where it is not Tunesmith's own" },
    threads: { type: "string", value: "N", description: "0: as many as there are cores" },
  },
  async run(context) {
    const directory = resolve(context.cwd, context.positionals[0]!);
    const configured = stringOption(context, "engine");
    const whole = (name: string, max: number) => numberOption(context, name, { min: 1, max, whole: true });
    const options = {
      rows: whole("rows", 10_000) ?? DEFAULT_ROWS,
      maxTokens: whole("max-tokens", 8192) ?? DEFAULT_TOKENS,
      runCode: context.values["run-code"] === true,
      device: deviceOption(context),
      threads: numberOption(context, "threads", { min: 0, max: 1024, whole: true }) ?? 0,
      engine: await engineFor(configured === undefined ? undefined : resolve(context.cwd, configured)),
      signal: context.signal,
      onProgress: context.progress,
      onNote: (note: string) => context.partial({ note }, `${note}\n`),
    };
    const { evaluateRun } = await import("../../evaluation/evaluateRun");
    const report = await evaluateRun(directory, options);
    context.result(report, describe(report));
    return 0;
  },
};

function deviceOption(context: CommandContext): "cpu" | "cuda" | undefined {
  const device = stringOption(context, "device");
  if (device === undefined || device === "cpu" || device === "cuda") return device;
  throw new UsageError(`--device must be cpu or cuda, not "${device}".`);
}

function describe(report: EvaluationReport): string {
  const { answered, heldOut } = report.instructions;
  const lines = [reportSentence(report), `${answered} of ${heldOut} held-out instructions were answered.`];
  if (report.tests.state === "refused") lines.push(report.tests.reason);
  if (report.tests.state === "not-asked") {
    lines.push(`${report.tests.rows} of them carry tests; --run-code runs them, enclosed.`);
  }
  return lines.join("\n");
}
