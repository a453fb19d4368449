import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { readPlainFile } from "../../../run/plainFile";

/** Bytes; the list of a large model's files is some kilobytes. */
const LIMIT = 1 << 20;

const schema = v.looseObject({
  model: v.string(),
  adapterSha256: v.string(),
  files: v.array(v.looseObject({ path: v.string(), sha256: v.string() })),
});

export interface ModelIdentity {
  /**
   * A digest over the checksums of the export's files, 16 hexadecimal digits: the same weights exported anew have the
   * same, a run that was resumed has another. `unknown` where export.json cannot be read.
   */
  id: string;
  /** Folder of the base model, where the export is of that alone. */
  base: string | null;
}

/** What tells exported models apart. Reads each export.json once, and again where it has changed. */
export class ModelIdentities {
  readonly #known = new Map<string, { changed: number; identity: ModelIdentity }>();

  async of(exportDir: string): Promise<ModelIdentity> {
    const file = join(exportDir, "export.json");
    try {
      const changed = (await stat(file)).mtimeMs;
      const known = this.#known.get(exportDir);
      if (known?.changed === changed) return known.identity;
      const { model, adapterSha256, files } = v.parse(schema, JSON.parse(await readPlainFile(file, LIMIT)));
      const identity = { id: digest(files), base: adapterSha256 === "" ? model : null };
      this.#known.set(exportDir, { changed, identity });
      return identity;
    } catch {
      return { id: "unknown", base: null };
    }
  }
}

function digest(files: readonly { path: string; sha256: string }[]): string {
  const lines = files.map(({ path, sha256 }) => `${path} ${sha256}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex").slice(0, 16);
}
