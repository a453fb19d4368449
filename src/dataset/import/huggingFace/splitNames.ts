/** The splits that Hugging Face's `datasets` sees in the names of files that no card describes. */

const keywords: Record<string, readonly string[]> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
};
const shard = /^data\/([^/]+)-\d{5}-of-\d{5}[^/]*\.[^/]+$/;

/** The split of each path (relative, with "/"); all of one where the names tell none. */
export function splitsOfNames(paths: readonly string[]): Map<string, string> {
  const sharded = paths.flatMap((path) => {
    const split = shard.exec(path)?.[1];
    return split === undefined ? [] : [[path, split] as const];
  });
  if (sharded.length > 0) return new Map(sharded);
  const named = paths.flatMap((path) => {
    const split = splitInName(path);
    return split === null ? [] : [[path, split] as const];
  });
  return new Map(named.length > 0 ? named : paths.map((path) => [path, "train"] as const));
}

/** A keyword between separators; the last one counts, as it is the nearest to the file. */
function splitInName(path: string): string | null {
  const words = path.toLowerCase().split(/[^a-z]+/);
  const word = words.findLast((candidate) => Object.values(keywords).some((known) => known.includes(candidate)));
  return Object.keys(keywords).find((split) => word !== undefined && keywords[split]!.includes(word)) ?? null;
}
