/** The file of held-out rows that belongs to a data set, and an index of its rows. */

import { access } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import type { TextPart } from "./checks/textPart";
import { HeldOutIndex } from "./duplicates/heldOutLeak";
import { type ExactFacts, rowFacts } from "./duplicates/rowFacts";
import type { JsonObject } from "./formats/format";
import { LineReader } from "./lines";
import { detectFileDialect } from "./readDataset";
import { lineProblems, parseLine } from "./rows";

const NAMES = ["eval", "validation", "valid", "val", "dev", "test", "heldout", "held-out"];
const TRAIN = /(^|[-_.])train(ing)?(?=$|[-_.])/i;

/** The names under which a data set's held-out rows usually lie beside it. */
export function heldOutNames(path: string): string[] {
  const extension = extname(path);
  const stem = basename(path, extension);
  if (NAMES.some((name) => new RegExp(`(^|[-_.])${name}$`, "i").test(stem))) return [];
  const stems = TRAIN.test(stem)
    ? NAMES.map((name) => stem.replace(TRAIN, `$1${name}`))
    : ["-", "_", "."].flatMap((mark) => NAMES.map((name) => stem + mark + name));
  return stems.map((name) => name + extension);
}

/** The held-out file beside a data set; null if there is none. */
export async function findHeldOutFile(path: string): Promise<string | null> {
  for (const name of heldOutNames(path)) {
    const candidate = join(dirname(path), name);
    const exists = await access(candidate).then(
      () => true,
      () => false,
    );
    if (exists) return candidate;
  }
  return null;
}

export interface HeldOutOptions {
  signal?: AbortSignal | undefined;
  /** By which its rows are compared with the data set's, which must be given the same. */
  facts?: (texts: readonly TextPart[]) => ExactFacts;
}

/** Streams a held-out file into an index; rows that cannot be read are left out. */
export async function indexHeldOutFile(
  path: string,
  { signal, facts = rowFacts }: HeldOutOptions = {},
): Promise<HeldOutIndex> {
  const dialect = await detectFileDialect(path, { format: "auto" }, signal);
  const index = new HeldOutIndex();
  if (dialect === null) return index;
  for await (const lines of new LineReader(path).batches(signal)) {
    for (const line of lines) {
      const parsed = parseLine(line);
      if (parsed === null || lineProblems(parsed, dialect).length > 0) continue;
      index.add(line.number, facts(dialect.format.texts(parsed.value as JsonObject, dialect.layout)));
    }
  }
  return index;
}
