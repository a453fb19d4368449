import { type FileHandle, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "../../disk/atomicWrite";
import { DatasetError } from "../problem";
import { defaultLimits, type RowLimits, RowMaker } from "./rows";
import { decodeSource } from "./sourceText";
import { pythonFiles, type WalkOptions } from "./walk";

export interface FromPythonOptions extends Partial<WalkOptions>, Partial<RowLimits> {
  progress?: ((files: number, path: string) => void) | undefined;
}

export interface FromPythonResult {
  rows: number;
  files: number;
  /** Files that gave at least one row. */
  sources: number;
  skippedFunctions: Record<string, number>;
  skippedFiles: Record<string, number>;
}

/** A larger file is data in the shape of Python. */
const LARGEST_FILE = 2 * 1024 * 1024;

/** Writes an alpaca data set of the functions below `folder`. The file appears whole or not at all. */
export async function datasetFromPython(
  folder: string,
  out: string,
  options: FromPythonOptions = {},
): Promise<FromPythonResult> {
  if (!(await stat(folder)).isDirectory()) {
    throw new DatasetError(`${folder} is not a folder: name one that holds Python files.`);
  }
  const temporary = `${out}.partial`;
  const file = await open(temporary, "w");
  let result: FromPythonResult;
  try {
    try {
      result = await writeRows(folder, file, options);
      await file.sync();
    } finally {
      await file.close();
    }
    if (result.rows === 0) {
      throw new DatasetError(
        `${folder} has no Python function with a docstring that a row could be made of (${result.files.toLocaleString("en")} files read).`,
      );
    }
    await rename(temporary, out);
  } catch (error) {
    await rm(temporary, { force: true });
    // Node leaves the path out of a failed write's error; whoever reports it needs it.
    if ((error as NodeJS.ErrnoException).code !== undefined && !("path" in (error as Error))) {
      Object.assign(error as Error, { path: out });
    }
    throw error;
  }
  await syncFolder(dirname(out));
  return result;
}

async function writeRows(folder: string, file: FileHandle, options: FromPythonOptions): Promise<FromPythonResult> {
  const maker = new RowMaker({ maxCharacters: options.maxCharacters ?? defaultLimits.maxCharacters });
  const result: FromPythonResult = {
    rows: 0,
    files: 0,
    sources: 0,
    skippedFunctions: maker.skipped,
    skippedFiles: {},
  };
  for await (const path of pythonFiles(folder, { skipTests: options.skipTests ?? false, signal: options.signal })) {
    result.files++;
    options.progress?.(result.files, path);
    const source = await readSource(join(folder, path));
    if ("reason" in source) {
      result.skippedFiles[source.reason] = (result.skippedFiles[source.reason] ?? 0) + 1;
      continue;
    }
    const rows = maker.rowsOf(source.text, path);
    if (rows.length === 0) continue;
    result.rows += rows.length;
    result.sources++;
    await file.writeFile(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }
  return result;
}

async function readSource(path: string): Promise<{ text: string } | { reason: string }> {
  if ((await stat(path)).size > LARGEST_FILE) return { reason: "too-large" };
  return decodeSource(await readFile(path));
}
