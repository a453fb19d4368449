import { resolve } from "node:path";
import { summarize } from "../../dataset/summarize";
import { loadTokenizer } from "../../dataset/tokenizer";
import { defaultSettings, ranges } from "../../run/runSpec";
import { type Command, numberOption, requiredOption } from "../command";
import { choiceFor, choiceOptions, editorSettings } from "../validation/options";

export const command: Command = {
  name: ["summarize"],
  summary: "say what preparation would make of a data set, without writing it",
  positionals: { usage: "FILE", min: 1, max: 1 },
  options: {
    model: { type: "string", value: "DIR", description: "the base model whose tokenizer counts" },
    "sequence-length": { type: "string", value: "N", description: "a longer row cannot be used" },
    "held-out": { type: "string", value: "SHARE", description: "share of the rows held out; default 0.1, 0: none" },
    ...choiceOptions,
    seed: { type: "string", value: "N", description: "seed of the split; default 0" },
  },
  async run(context) {
    const path = resolve(context.cwd, context.positionals[0]!);
    const model = resolve(context.cwd, requiredOption(context, "model"));
    const defaults = defaultSettings();
    const fraction = numberOption(context, "held-out", { min: 0, max: ranges["dataset.heldOut.fraction"].max }) ?? 0.1;
    const choice = choiceFor(context, path, editorSettings(context));
    const request = {
      path,
      format: choice.format,
      fields: choice.mapping,
      template: "auto",
      heldOut: fraction === 0 ? ({ kind: "none" } as const) : ({ kind: "fraction", fraction, by: "auto" } as const),
      maxTrainRows: null,
      maxEvalRows: null,
      sequenceLength: numberOption(context, "sequence-length", ranges.sequenceLength) ?? defaults.sequenceLength,
      seed: numberOption(context, "seed", ranges["training.seed"]) ?? defaults.training.seed,
    };
    context.progress("Loading the tokenizer", null);
    const summary = await summarize(request, await loadTokenizer(model), {
      signal: context.signal,
      progress: context.progress,
    });
    const count = (value: number) => value.toLocaleString("en");
    context.result(
      summary,
      `${summary.format ?? "unknown format"}: ${count(summary.rows)} rows, ${count(summary.used)} used, ${count(summary.skipped)} skipped, ${count(summary.tokens)} tokens.`,
    );
    return 0;
  },
};
