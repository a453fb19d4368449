import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Completer, type Completion } from "../../completion-worker/completer";
import { codeAlone } from "../../completion-worker/question";
import { type Command, type CommandContext, numberOption, requiredOption, stringOption, UsageError } from "../command";
import { precisionOption, withExport } from "../modelExport";

export const command: Command = {
  name: ["complete"],
  summary: "complete Python, or answer an instruction, with a tuned or base model",
  options: {
    model: { type: "string", value: "DIR", description: "a run, an exported model or a base model's folder" },
    prompt: { type: "string", value: "TEXT", description: "code before the cursor" },
    "prefix-file": { type: "string", value: "FILE", description: "the same from a file" },
    "suffix-file": { type: "string", value: "FILE", description: "code after the cursor" },
    instruction: { type: "string", value: "TEXT", description: "what a model tuned on instructions is to do" },
    input: { type: "string", value: "TEXT", description: "goes with --instruction" },
    "single-line": { type: "boolean", description: "end at the line's end" },
    "max-tokens": { type: "string", value: "N", description: "at most so many new tokens; default 128" },
    precision: { type: "string", value: "NAME", description: "of a base model: fp32, int8 or int4; default fp32" },
    threads: { type: "string", value: "N", description: "0: as many as there are cores" },
    format: { type: "string", value: "text|json", description: "json: with the figures" },
  },
  async run(context) {
    const format = stringOption(context, "format") ?? "text";
    if (format !== "text" && format !== "json") throw new UsageError(`--format must be text or json, not "${format}".`);
    const precision = precisionOption(context);
    const ask = await readQuestion(context);
    const threads = numberOption(context, "threads", { min: 0, max: 1024, whole: true }) ?? 0;
    const folder = resolve(context.cwd, requiredOption(context, "model"));
    const completion = await withExport(folder, context, precision, async (exportDir) => {
      const completer = await Completer.load(exportDir, { threads });
      try {
        return await ask(completer);
      } finally {
        await completer.release();
      }
    });
    context.result(completion, format === "json" ? JSON.stringify(completion) : completion.text);
    return 0;
  },
};

async function readQuestion(context: CommandContext): Promise<(completer: Completer) => Promise<Completion>> {
  const given = (name: string) =>
    typeof context.values[name] === "string" ? (context.values[name] as string) : undefined;
  const [prompt, prefixFile, instruction] = ["prompt", "prefix-file", "instruction"].map(given);
  if ([prompt, prefixFile, instruction].filter((value) => value !== undefined).length !== 1) {
    throw new UsageError("Give one of --prompt, --prefix-file and --instruction.");
  }
  const maxTokens = numberOption(context, "max-tokens", { min: 1, max: 4096, whole: true }) ?? 128;
  if (instruction !== undefined) {
    const request = { instruction, input: given("input") ?? "", maxTokens };
    return (completer) => completer.instruct(request, context.signal);
  }
  const read = (name: string) => readFile(resolve(context.cwd, name), "utf8");
  const suffixFile = given("suffix-file");
  const request = {
    prefix: prompt ?? (await read(prefixFile!)),
    suffix: suffixFile === undefined ? "" : await read(suffixFile),
    multiline: context.values["single-line"] !== true,
    maxTokens,
  };
  return (completer) => completer.complete(codeAlone(request), context.signal);
}
