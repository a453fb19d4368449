import { resolve } from "node:path";
import { summarize } from "../../dataset/summarize";
import { loadTokenizer } from "../../dataset/tokenizer";
import { defaultSettings, ranges } from "../../run/runSpec";
import { SAMPLE_TOKENS } from "../../run/samples";
import { dataSetSettings } from "../../server/settings";
import { type Command, numberOption, requiredOption } from "../command";
import { completionFrom, heldOutFrom, mixtureFrom, mixtureOptions, packingFrom, packingOption } from "../runOptions";
import { choiceFor, choiceOptions, editorSettings } from "../validation/options";

export const command: Command = {
  name: ["summarize"],
  summary: "say what preparation would make of a data set, without writing it",
  positionals: { usage: "FILE", min: 1, max: 1 },
  options: {
    model: { type: "string", value: "DIR", description: "the base model whose tokenizer counts" },
    "sequence-length": { type: "string", value: "N", description: "a longer row cannot be used" },
    "held-out": {
      type: "string",
      value: "SHARE|FILE",
      description: "share of the rows held out (0: none) or a data set of its own; default 0.1",
    },
    ...mixtureOptions,
    weight: { type: "string", value: "N", description: "of FILE, beside the others; default 1" },
    ...choiceOptions,
    ...packingOption,
    seed: { type: "string", value: "N", description: "seed of the split; default 0" },
  },
  async run(context) {
    const path = resolve(context.cwd, context.positionals[0]!);
    const model = resolve(context.cwd, requiredOption(context, "model"));
    const defaults = defaultSettings();
    const settings = editorSettings(context);
    const choice = choiceFor(context, path, settings);
    const mixture = mixtureFrom(context).map((mixed) => {
      const { format, fields } = dataSetSettings(settings, mixed.path);
      return { ...mixed, format: format ?? "auto", ...(fields === undefined ? {} : { fields }) };
    });
    const request = {
      path,
      format: choice.format,
      fields: choice.mapping,
      template: "auto",
      weight: numberOption(context, "weight", ranges["dataset.weight"]),
      mixture,
      completion: completionFrom(context),
      heldOut: heldOutFrom(context),
      maxTrainRows: null,
      maxEvalRows: null,
      packing: packingFrom(context),
      sequenceLength: numberOption(context, "sequence-length", ranges.sequenceLength) ?? defaults.sequenceLength,
      seed: numberOption(context, "seed", ranges["training.seed"]) ?? defaults.training.seed,
    };
    context.progress("Loading the tokenizer", null);
    const summary = await summarize(request, await loadTokenizer(model), {
      signal: context.signal,
      progress: context.progress,
      answerTokens: SAMPLE_TOKENS,
    });
    const count = (value: number) => value.toLocaleString("en");
    const { completionSamples } = summary;
    const samples = completionSamples === 0 ? "" : `, ${count(completionSamples)} samples for completion`;
    context.result(
      summary,
      `${summary.format ?? "unknown format"}: ${count(summary.rows)} rows, ${count(summary.used)} used, ${count(summary.skipped)} skipped, ${count(summary.tokens)} tokens${samples}.`,
    );
    return 0;
  },
};
