import { type FileHandle, open } from "node:fs/promises";
import { resolve } from "node:path";
import { Completer } from "../../completion-worker/completer";
import {
  type CompletionFigures,
  evaluateCompletion,
  type JudgedCompletion,
} from "../../evaluation/completion/evaluateCompletion";
import { type CompletionTask, readTasks } from "../../evaluation/completion/readTasks";
import { type Command, type CommandContext, numberOption, requiredOption, stringOption, UsageError } from "../command";
import { precisionOption, withExport } from "../modelExport";

/** As the extension's setting has it. */
const DEFAULT_TOKENS = 64;

export const command: Command = {
  name: ["eval-completion"],
  summary: "say how well a model fills gaps in Python: exact match, similarity, parse and stop rate, latency",
  options: {
    model: { type: "string", value: "DIR", description: "a run, an exported model or a base model's folder" },
    tasks: {
      type: "string",
      value: "FILE.jsonl",
      description: "tasks as of HumanEval-infilling: task_id, prompt, suffix, canonical_solution",
    },
    limit: { type: "string", value: "N", description: "only the first N tasks" },
    "max-tokens": {
      type: "string",
      value: "N",
      description: `tokens of a completion at most; default ${DEFAULT_TOKENS}, as in the editor`,
    },
    precision: { type: "string", value: "NAME", description: "of a base model: fp32, int8 or int4; default fp32" },
    threads: { type: "string", value: "N", description: "0: as many as there are cores" },
    out: { type: "string", short: "o", value: "FILE.jsonl", description: "what each task was completed with" },
    format: { type: "string", value: "text|json", description: "json: the figures as one line" },
  },
  async run(context) {
    const format = stringOption(context, "format") ?? "text";
    if (format !== "text" && format !== "json") throw new UsageError(`--format must be text or json, not "${format}".`);
    const whole = (name: string, max: number) => numberOption(context, name, { min: 1, max, whole: true });
    const limit = whole("limit", 1e9) ?? Number.POSITIVE_INFINITY;
    const maxTokens = whole("max-tokens", 4096) ?? DEFAULT_TOKENS;
    const threads = numberOption(context, "threads", { min: 0, max: 1024, whole: true }) ?? 0;
    const precision = precisionOption(context);
    const folder = resolve(context.cwd, requiredOption(context, "model"));
    const tasks = await readTasks(resolve(context.cwd, requiredOption(context, "tasks")), limit, context.signal);
    const figures = await withExport(folder, context, precision, async (exportDir) => {
      const completer = await Completer.load(exportDir, { threads });
      try {
        return await evaluate(completer, tasks, maxTokens, context);
      } finally {
        await completer.release();
      }
    });
    context.result(figures, format === "json" ? JSON.stringify(figures) : describe(figures));
    return 0;
  },
};

async function evaluate(
  completer: Completer,
  tasks: readonly CompletionTask[],
  maxTokens: number,
  context: CommandContext,
): Promise<CompletionFigures> {
  const out = stringOption(context, "out");
  const file = out === undefined ? null : await open(resolve(context.cwd, out), "w");
  let exact = 0;
  try {
    return await evaluateCompletion(completer, tasks, {
      maxTokens,
      signal: context.signal,
      onTask: async (judged, done) => {
        if (judged.exact) exact++;
        context.progress("Completing", done / tasks.length, `${done} of ${tasks.length}, ${exact} exact`);
        await writeLine(file, judged);
      },
    });
  } finally {
    await file?.close();
  }
}

async function writeLine(file: FileHandle | null, judged: JudgedCompletion): Promise<void> {
  await file?.writeFile(`${JSON.stringify(judged)}\n`);
}

function describe({ tasks, firstTokenMs, ...shares }: CompletionFigures): string {
  const percent = (share: number | null) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
  return [
    `Tasks            ${tasks.toLocaleString("en")}`,
    `Exact match      ${percent(shares.exactMatch)}`,
    `Edit similarity  ${percent(shares.editSimilarity)}`,
    `Parses           ${percent(shares.parseRate)}`,
    `Ends by itself   ${percent(shares.stopRate)}`,
    `First token      ${firstTokenMs.p50.toFixed(1)} ms at the median, ${firstTokenMs.p95.toFixed(1)} ms at the 95th percentile`,
  ].join("\n");
}
