import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { matchesGlob } from "../../disk/globs";

/**
 * The file of held-out rows that the setting `tunesmith.dataSets` names for a data set, where it is there. As in checks, of
 * the entries whose glob fits the last one counts.
 */
export async function heldOutSetting(dataSets: unknown, dataset: string): Promise<string | undefined> {
  const fitting = Object.entries(dataSets ?? {}).filter(([glob]) => matchesGlob(dataset, glob));
  const { heldOut } = (fitting.at(-1)?.[1] ?? {}) as { heldOut?: unknown };
  if (typeof heldOut !== "string" || heldOut === "") return undefined;
  const file = resolve(dirname(dataset), heldOut);
  const isFile = await stat(file).then(
    (status) => status.isFile(),
    () => false,
  );
  // One entry may be for all files of a folder, that of the held-out rows among them.
  return isFile && file !== dataset ? file : undefined;
}
