import { resolve } from "node:path";
import { loadTokenizer } from "../../dataset/tokenizer";
import type { SampleReport } from "../../protocol/samplesView";
import { PromptRenderer } from "../../run/prompts";
import { RunMonitor } from "../../run/runMonitor";
import { reportSamples } from "../../run/sampleReport";
import { addSample, MAX_INSTRUCTION, removeSample, SAMPLE_TOKENS } from "../../run/samples";
import { type Command, stringOption, UsageError } from "../command";

export const command: Command = {
  name: ["samples"],
  summary: "show what a run has answered to its pinned prompts, or pin and remove one",
  positionals: { usage: "RUN", min: 1, max: 1 },
  options: {
    add: { type: "string", value: "TEXT", description: "pin this instruction: it is answered at each evaluation" },
    input: { type: "string", value: "TEXT", description: "goes with --add" },
    remove: { type: "string", value: "ID", description: "answer this prompt no more" },
  },
  async run(context) {
    const directory = resolve(context.cwd, context.positionals[0]!);
    const monitor = await RunMonitor.open(directory);
    const [add, remove] = [stringOption(context, "add"), stringOption(context, "remove")];
    if (add !== undefined) await pin(directory, add, stringOption(context, "input") ?? "");
    if (remove !== undefined) await removeSample(directory, remove);
    const tokenizer = await loadTokenizer(monitor.spec.model.path);
    const report = await reportSamples(directory, monitor.history.samples, tokenizer);
    context.result(report, describe(report));
    return 0;
  },
};

async function pin(directory: string, instruction: string, input: string): Promise<void> {
  if (instruction.length + input.length > MAX_INSTRUCTION) {
    throw new UsageError(`--add takes at most ${MAX_INSTRUCTION.toLocaleString("en")} characters.`);
  }
  const renderer = await PromptRenderer.ofRun(directory);
  const prompt = await renderer.instruction(instruction, input, SAMPLE_TOKENS);
  await addSample(directory, { ...prompt, maxTokens: SAMPLE_TOKENS });
}

function describe({ samples, problem }: SampleReport): string {
  if (problem !== null) return problem;
  if (samples.length === 0) return "No prompt is pinned.";
  return samples
    .map(({ id, instruction, base, answers }) => {
      const newest = answers.at(-1);
      return [
        `${id}: ${instruction}`,
        ...(base === null ? [] : ["Base model:", base.text]),
        ...(newest === undefined ? ["Not answered yet."] : [`Step ${newest.step}:`, newest.text]),
      ].join("\n");
    })
    .join("\n\n");
}
