import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describeFigures } from "../../model/choosePrecision";
import { type ExportStage, exportBase, exportRun } from "../../model/export";
import { exportGguf } from "../../model/exportGguf";
import type { GgufPrecision } from "../../model/gguf/writeGguf";
import { parityFailure } from "../../model/parity";
import type { ExportPrecision, ExportRecord } from "../../protocol/run";
import { type Command, type CommandContext, numberOption, stringOption, UsageError } from "../command";
import { engineFor } from "../runFlow";

export const command: Command = {
  name: ["export"],
  summary: "merge the adapter, write ONNX and compare it with the engine",
  options: {
    run: { type: "string", value: "DIR", description: "run directory; the model goes to its export folder" },
    model: { type: "string", value: "DIR", description: "instead of --run: a base model's folder" },
    out: {
      type: "string",
      value: "PATH",
      description: "where a base model goes (required with --model), or the GGUF file",
    },
    to: {
      type: "string",
      value: "onnx|gguf",
      description: "gguf: one file for llama.cpp, without a comparison; default onnx",
    },
    precision: {
      type: "string",
      value: "NAME",
      description:
        "fp32, or int8 or int4: smaller and faster, at a loss that is measured; auto: the fastest at next to no loss; default fp32 (GGUF: f16)",
    },
    engine: { type: "string", value: "FILE", description: "the training engine, where it is not Tunesmith's own" },
    threads: { type: "string", value: "N", description: "threads of the comparison; 0: as many as there are cores" },
  },
  async run(context) {
    const to = stringOption(context, "to") ?? "onnx";
    if (to !== "onnx" && to !== "gguf") throw new UsageError(`--to must be onnx or gguf, not "${to}".`);
    if (to === "gguf") {
      const written = await exportAsGguf(context);
      context.result(written, `${written.path}: ${Math.round(written.bytes / 1e6)} MB`);
      return 0;
    }
    const record = await exportAsAsked(context);
    if (record.parity && !record.parity.passed) throw new Error(parityFailure(record.parity));
    for (const line of describeFigures(record.measured ?? [])) context.print(line);
    context.result(record, describe(record));
    return 0;
  },
};

const GGUF_PRECISIONS: Record<string, GgufPrecision> = { fp32: "F32", f16: "F16", int8: "Q8_0", int4: "Q4_0" };

async function exportAsGguf(context: CommandContext) {
  const source = sourceOf(context);
  const out = stringOption(context, "out");
  if (out === undefined || !out.endsWith(".gguf")) throw new UsageError("--to gguf needs --out FILE.gguf.");
  const named = stringOption(context, "precision") ?? "f16";
  const precision = Object.hasOwn(GGUF_PRECISIONS, named) ? GGUF_PRECISIONS[named] : undefined;
  if (precision === undefined)
    throw new UsageError(`--precision of a GGUF file must be fp32, f16, int8 or int4, not "${named}".`);
  const { run, model } = source;
  const from = run !== undefined ? { runDir: resolve(context.cwd, run) } : { modelDir: resolve(context.cwd, model!) };
  return exportGguf(from, resolve(context.cwd, out), {
    precision,
    signal: context.signal,
    onProgress: (fraction) => context.progress("Writing the model", fraction),
  });
}

/** Exactly one of --run and --model. */
function sourceOf(context: CommandContext): { run: string | undefined; model: string | undefined } {
  const [run, model] = ["run", "model"].map((name) => stringOption(context, name));
  if ((run === undefined) === (model === undefined)) throw new UsageError("Give either --run or --model.");
  return { run, model };
}

async function exportAsAsked(context: CommandContext): Promise<ExportRecord> {
  const { run, model } = sourceOf(context);
  const out = stringOption(context, "out");
  const threads = numberOption(context, "threads", { min: 0, max: 1024, whole: true }) ?? 0;
  const configured = stringOption(context, "engine");
  const engine = await engineFor(configured === undefined ? undefined : resolve(context.cwd, configured));
  const options = {
    engine,
    precision: precisionFrom(context),
    threads,
    signal: context.signal,
    onProgress: (stage: ExportStage, fraction: number | null) => context.progress(stage, fraction),
  };
  if (run !== undefined) {
    if (out !== undefined) throw new UsageError("--out goes with --model; a run's model goes to its export folder.");
    return exportRun(resolve(context.cwd, run), options);
  }
  if (out === undefined) throw new UsageError("--model needs --out.");
  const target = resolve(context.cwd, out);
  // Replacing is for exports only: a slip in the path must not cost a folder of something else.
  if (existsSync(target) && !existsSync(join(target, "export.json"))) {
    throw new Error(`${target} exists and is not an export; choose another folder for --out.`);
  }
  return exportBase(resolve(context.cwd, model!), target, options);
}

function precisionFrom(context: CommandContext): ExportPrecision | "auto" {
  const value = stringOption(context, "precision") ?? "fp32";
  if (value === "fp32" || value === "int8" || value === "int4" || value === "auto") return value;
  throw new UsageError(`--precision must be auto, fp32, int8 or int4, not "${value}".`);
}

function describe({ parity, precision }: ExportRecord): string {
  if (!parity) return "Exported; nothing was compared.";
  const loss =
    parity.onnxHeldOutLoss === null || parity.engineHeldOutLoss === null
      ? "no held-out rows"
      : `held-out loss ${parity.onnxHeldOutLoss.toFixed(5)} (engine ${parity.engineHeldOutLoss.toFixed(5)})`;
  if (precision !== "fp32") {
    const divergence = `next token ${parity.meanDivergence?.toExponential(1)} nats from the engine's`;
    return ["Exported", `${precision}, ${divergence}, ${loss}`, ...(parity.warnings ?? [])].join(". ");
  }
  return `Exported. It agrees with the engine: ${parity.prompts} prompts, largest logit difference ${parity.maxAbsLogitDifference.toExponential(1)}, ${parity.greedyTokensCompared} greedy tokens equal, ${loss}.`;
}
