import { basename, dirname } from "node:path";

/** The folder's name; for a model in the cache of Hugging Face's tools, whose folders are commits, OWNER/NAME. */
export function modelLabel(path: string): string {
  const snapshots = dirname(path);
  const repository = basename(dirname(snapshots));
  const isCached = basename(snapshots) === "snapshots" && repository.startsWith("models--");
  return isCached ? repository.slice("models--".length).replaceAll("--", "/") : basename(path);
}
