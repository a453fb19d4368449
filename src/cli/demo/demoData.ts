import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { datasetFromPython } from "../../dataset/fromPython";
import { writeAtomically } from "../../disk/atomicWrite";
import type { CommandContext } from "../command";

/** Makes `file` out of the functions below `folder`; returns how many rows it has. */
export async function makeDataset(folder: string, file: string, context: CommandContext): Promise<number> {
  const { rows } = await datasetFromPython(folder, file, {
    skipTests: true,
    signal: context.signal,
    progress: () => context.progress(`Reading the Python files of ${folder}`, null),
  });
  await shuffleLines(file);
  return rows;
}

/** A run that takes only the first rows must still see all of the folder: rows in the order of their hashes. */
async function shuffleLines(file: string): Promise<void> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  const keyed = lines.map((line) => ({ line, key: createHash("sha1").update(line).digest("hex") }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  await writeAtomically(file, `${keyed.map(({ line }) => line).join("\n")}\n`);
}
