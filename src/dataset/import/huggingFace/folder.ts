import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../../problem";
import type { SourceFormat, SourcePart } from "../rowSource";
import { type CardConfig, configsOfCard } from "./dataCard";
import { matchesGlob } from "./glob";
import { splitsOfNames } from "./splitNames";

/** A folder of Hugging Face `datasets`: what `save_to_disk` leaves, a clone of a data set of the Hub, or plain data files. */

export interface FolderParts {
  parts: SourcePart[];
  /** Names of the configurations that the data card lists; empty without a card. */
  configs: string[];
}

const MOST_FILES = 100_000;
const DEEPEST = 8;
const LARGEST_JSON = 16 * 1024 * 1024;
/** Metadata in the shape of data. */
const noData = new Set(["dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"]);
/** What a run has written beside a data set (src/run/rowLossFiles.ts). */
const ROW_LOSSES = /\.row-losses\.csv$/i;
const formatsByExtension: [RegExp, SourceFormat][] = [
  [/\.parquet$/i, "parquet"],
  [/\.arrow$/i, "arrow"],
  [/\.(json|jsonl|ndjson)(\.gz)?$/i, "json"],
  [/\.csv(\.gz)?$/i, "csv"],
  [/\.tsv(\.gz)?$/i, "tsv"],
];

export function formatOfName(name: string): SourceFormat | null {
  return formatsByExtension.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** Which of a data card's configurations. */
export interface ConfigChoice {
  /** Undefined: the default one. */
  config?: string | undefined;
  /** Takes the first where none is the default, instead of asking for one. */
  anyConfig?: boolean;
}

export async function partsOfFolder(folder: string, choice: ConfigChoice): Promise<FolderParts> {
  if (await exists(join(folder, "dataset_dict.json"))) return { parts: await partsOfDict(folder), configs: [] };
  if (await exists(join(folder, "state.json"))) return { parts: await partsOfSaved(folder, null), configs: [] };
  const names = await dataFiles(folder);
  if (names.length === 0) {
    throw new DatasetError(`${folder} holds no Parquet, Arrow, JSON, CSV or TSV file to import.`);
  }
  const card = (await exists(join(folder, "README.md"))) ? await readFile(join(folder, "README.md"), "utf8") : "";
  const configs = configsOfCard(card);
  const parts =
    configs.length > 0
      ? partsOfConfig(folder, names, chooseConfig(folder, configs, choice))
      : partsOfNames(folder, names);
  return { parts, configs: configs.map(({ name }) => name) };
}

function chooseConfig(
  folder: string,
  configs: readonly CardConfig[],
  { config: wanted, anyConfig }: ConfigChoice,
): CardConfig {
  const names = configs.map(({ name }) => name).join(", ");
  if (wanted !== undefined) {
    const found = configs.find(({ name }) => name === wanted);
    if (found === undefined) throw new DatasetError(`${folder} has no configuration "${wanted}": it has ${names}.`);
    return found;
  }
  const [first] = configs;
  const chosen = configs.find(({ isDefault }) => isDefault) ?? first!;
  if (chosen.isDefault || configs.length === 1 || anyConfig) return chosen;
  throw new DatasetError(`${folder} has the configurations ${names}: choose one with --config.`);
}

function partsOfConfig(folder: string, names: readonly string[], config: CardConfig): SourcePart[] {
  return config.files.flatMap(({ split, patterns }) => {
    const found = names.filter((name) => patterns.some((pattern) => matchesGlob(name, pattern)));
    if (found.length === 0) {
      throw new DatasetError(
        `${folder} has no file for the split "${split}" (${patterns.join(", ")}): is the clone complete?`,
      );
    }
    return found.map((name) => partOf(folder, name, split));
  });
}

/** Of several formats the one with most files is the data. */
function partsOfNames(folder: string, names: readonly string[]): SourcePart[] {
  const counts = new Map<SourceFormat, number>();
  for (const name of names) {
    const format = formatOfName(name)!;
    counts.set(format, (counts.get(format) ?? 0) + 1);
  }
  const [format] = [...counts].sort((a, b) => b[1] - a[1])[0]!;
  const splits = splitsOfNames(names.filter((name) => formatOfName(name) === format));
  return [...splits].map(([name, split]) => partOf(folder, name, split));
}

function partOf(folder: string, name: string, split: string): SourcePart {
  return { path: join(folder, name), format: formatOfName(name)!, split };
}

async function partsOfDict(folder: string): Promise<SourcePart[]> {
  const { splits } = await readJson(join(folder, "dataset_dict.json"));
  if (!isTextArray(splits))
    throw new DatasetError(`${join(folder, "dataset_dict.json")}: "splits" must list the splits.`);
  const parts: SourcePart[] = [];
  for (const split of splits) parts.push(...(await partsOfSaved(join(folder, checkedName(folder, split)), split)));
  return parts;
}

async function partsOfSaved(folder: string, split: string | null): Promise<SourcePart[]> {
  const state = await readJson(join(folder, "state.json"));
  const files = Array.isArray(state._data_files) ? state._data_files : [];
  const names = files.map((file: unknown) => (file as { filename?: unknown } | null)?.filename);
  if (names.length === 0 || !isTextArray(names)) {
    throw new DatasetError(`${join(folder, "state.json")}: "_data_files" must list the files of the data set.`);
  }
  const indices = state._indices_data_files;
  if (Array.isArray(indices) && indices.length > 0) {
    throw new DatasetError(
      `${folder} was saved with its rows reordered by an index: save it again after flatten_indices().`,
    );
  }
  return names.map((name) => ({ path: join(folder, checkedName(folder, name)), format: "arrow", split }));
}

/** A name in a file that was downloaded must not lead out of its folder. */
function checkedName(folder: string, name: string): string {
  if (name !== "" && name !== "." && name !== ".." && !/[/\\\0]/.test(name)) return name;
  throw new DatasetError(`${folder} names a part ${JSON.stringify(name)}, which is no name of a file in it.`);
}

function isTextArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** Paths below the folder with "/", in the order of their names; hidden ones are left out. */
async function dataFiles(folder: string, below = "", depth = 0): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await readdir(join(folder, below))).sort(byCodePoints)) {
    if (name.startsWith(".")) continue;
    const path = below === "" ? name : `${below}/${name}`;
    // The Hub's cache keeps its files as links.
    const status = await stat(join(folder, path)).catch(() => null);
    if (status?.isDirectory() && depth < DEEPEST) found.push(...(await dataFiles(folder, path, depth + 1)));
    else if (status?.isFile() && holdsRows(name)) found.push(path);
    if (found.length > MOST_FILES) {
      throw new DatasetError(
        `${folder} holds more than ${MOST_FILES.toLocaleString("en")} data files: choose a folder in it.`,
      );
    }
  }
  return found;
}

function holdsRows(name: string): boolean {
  return formatOfName(name) !== null && !noData.has(name) && !ROW_LOSSES.test(name);
}

function byCodePoints(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  if ((await stat(path)).size > LARGEST_JSON) throw new DatasetError(`${path} is too large to be what its name says.`);
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new DatasetError(`${path} is not a JSON object.`);
}
