import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type * as vscode from "vscode";
import type { ExportPrecision } from "../../../protocol/run";
import { runJob } from "../../jobs/runJob";
import { readSettings } from "../../settings";
import type { ExportOptions } from "../completionController";
import { hasPassedExport } from "../exportRecord";

/**
 * The folder of a base model's export, in the extension's own storage; it is made where there is none of the model as it
 * is now. Throws what the comparison with the engine says.
 */
export async function ensureBaseExported(
  extension: vscode.ExtensionContext,
  model: { path: string; precision: ExportPrecision },
  { signal, onProgress }: ExportOptions,
): Promise<string> {
  const name = createHash("sha256").update(`${model.precision} ${model.path}`).digest("hex").slice(0, 16);
  const target = join(extension.globalStorageUri.fsPath, "base-exports", name);
  if ((await hasPassedExport(target)) && (await isNewer(join(target, "export.json"), model.path))) return target;
  const { enginePath, threads } = readSettings();
  const engine = enginePath === "" ? [] : ["--engine", enginePath];
  await runJob({
    extensionPath: extension.extensionPath,
    args: [
      ...["export", "--model", model.path, "--out", target, "--precision", model.precision],
      ...engine,
      ...["--threads", String(threads)],
    ],
    signal,
    onProgress,
  });
  return target;
}

/** Whether nothing in the model's folder has changed since. */
async function isNewer(record: string, folder: string): Promise<boolean> {
  try {
    const names = (await readdir(folder)).filter((name) => /\.(json|safetensors)$/.test(name));
    const changed = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).mtimeMs));
    return (await stat(record)).mtimeMs >= Math.max(...changed);
  } catch {
    return false;
  }
}
