import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportBase, exportRun } from "../model/export";
import { isOfThisVersion, readExport } from "../model/exportFolder";
import { parityFailure } from "../model/parity";
import type { ExportPrecision } from "../protocol/run";
import { type CommandContext, stringOption, UsageError } from "./command";
import { engineFor } from "./runFlow";

const precisions: readonly ExportPrecision[] = ["fp32", "int8", "int4"];

/** The value of --precision; undefined where it was not given. */
export function precisionOption(context: CommandContext): ExportPrecision | undefined {
  const value = stringOption(context, "precision");
  const found = precisions.find((precision) => precision === value);
  if (value !== undefined && found === undefined) {
    throw new UsageError(`--precision must be ${precisions.join(", ")}, not "${value}".`);
  }
  return found;
}

/** An export, a run's (made where there is none of this version yet) or, for as long as it is needed, that of a base model. */
export async function withExport<T>(
  folder: string,
  context: CommandContext,
  precision: ExportPrecision | undefined,
  use: (exportDir: string) => Promise<T>,
): Promise<T> {
  const exporting = {
    signal: context.signal,
    onProgress: (stage: string, fraction: number | null) => context.progress(stage, fraction),
    ...(precision === undefined ? {} : { precision }),
  };
  const made = existsSync(join(folder, "export.json")) ? folder : join(folder, "export");
  if (existsSync(join(made, "export.json")) && (made === folder || isOfThisVersion(made))) {
    if (precision !== undefined) await requirePrecision(made, precision);
    return use(made);
  }
  if (existsSync(join(folder, "run.json"))) {
    const { parity } = await exportRun(folder, { engine: await engineFor(undefined), ...exporting });
    if (parity !== null && !parity.passed) throw new Error(parityFailure(parity));
    return use(made);
  }
  if (!existsSync(join(folder, "config.json"))) {
    throw new Error(`${folder} is neither a run nor an exported model nor a model's folder.`);
  }
  const temporary = await mkdtemp(join(tmpdir(), "tunesmith-base-"));
  try {
    const target = join(temporary, "export");
    await exportBase(folder, target, { engine: null, ...exporting });
    return await use(target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function requirePrecision(exportDir: string, wanted: ExportPrecision): Promise<void> {
  const { precision } = await readExport(exportDir);
  if (precision === wanted) return;
  throw new Error(
    `${exportDir} is stored as ${precision}: export it with --precision ${wanted}, or leave the option out.`,
  );
}
