import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { HeldOutIndex } from "../dataset/duplicates/heldOutLeak";
import { findHeldOutFile, indexHeldOutFile } from "../dataset/heldOutFile";

interface Indexed {
  stamp: string;
  index: Promise<HeldOutIndex>;
}

/** Indexes of held-out files, kept until the files change. */
export class HeldOutFiles {
  private readonly known = new Map<string, Indexed>();

  /** `told`: the path that settings give; absent: the file that lies beside the data set, if one does. */
  async index(uri: string, told: string | undefined): Promise<HeldOutIndex | undefined> {
    if (!uri.startsWith("file:")) return undefined;
    const path = fileURLToPath(uri);
    const heldOut = told === undefined ? await findHeldOutFile(path) : resolve(dirname(path), told);
    const status = heldOut === null ? null : await stat(heldOut).catch(() => null);
    if (heldOut === null || !status?.isFile()) return undefined;
    const stamp = `${status.mtimeMs}:${status.size}`;
    const known = this.known.get(heldOut);
    if (known?.stamp === stamp) return known.index;
    const index = indexHeldOutFile(heldOut);
    this.known.set(heldOut, { stamp, index });
    index.catch(() => this.known.delete(heldOut));
    return index;
  }
}
