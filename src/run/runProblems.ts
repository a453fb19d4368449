import { join } from "node:path";
import { openPlainFile } from "./plainFile";
import { runPaths } from "./runDirectory";
import { hasCode, withFile } from "./runError";

/** What of a run directory cannot be shown, a sentence each: it is shown without. */
export async function findRunProblems(
  directory: string,
  { skippedLines, leftOutBytes }: { skippedLines: number; leftOutBytes: number },
): Promise<string[]> {
  const { events, lock, startMark, data } = runPaths(directory);
  const files = [events, lock, startMark, join(directory, "notes.json"), join(data, "manifest.json")];
  const problems = (await Promise.all(files.map(problemOf))).filter((problem) => problem !== undefined);
  if (skippedLines > 0) {
    const lines =
      skippedLines === 1 ? "1 line of events.jsonl is" : `${figure(skippedLines)} lines of events.jsonl are`;
    problems.push(`${lines} damaged or of a newer version, and left out.`);
  }
  if (leftOutBytes > 0) {
    const megabytes = figure(Math.ceil(leftOutBytes / 1e6));
    problems.push(`events.jsonl is too long to be read whole; ${megabytes} MB in its middle are left out.`);
  }
  return problems;
}

const figure = (value: number) => value.toLocaleString("en-US");

async function problemOf(file: string): Promise<string | undefined> {
  try {
    await (await openPlainFile(file)).close();
    return undefined;
  } catch (error) {
    return hasCode(error, "ENOENT", "ENOTDIR") ? undefined : withFile(error, file).message;
  }
}
