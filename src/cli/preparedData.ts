import { stat } from "node:fs/promises";
import { join } from "node:path";
import { runPaths } from "../run/runDirectory";

/** The manifest is the last file of data/ that preparation writes. */
export async function isPrepared(directory: string): Promise<boolean> {
  const { data, contract } = runPaths(directory);
  return (await isFile(join(data, "manifest.json"))) && (await isFile(contract));
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}
