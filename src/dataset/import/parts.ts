import { stat } from "node:fs/promises";
import { DatasetError } from "../problem";
import { type ConfigChoice, formatOfName, partsOfFolder } from "./huggingFace/folder";
import { jsonLayout } from "./json/layout";
import { firstBytes, refuseLfsPointer } from "./readBytes";
import type { SourceFormat, SourcePart } from "./rowSource";

/** What there is to import in the files and folders that were named. */
export interface FoundParts {
  parts: SourcePart[];
  /** Configurations of a data card, where a folder has one. */
  configs: string[];
}

export interface FindOptions extends ConfigChoice {
  format: SourceFormat | "auto";
  signal?: AbortSignal | undefined;
}

const SNIFFED_BYTES = 256;

export async function findParts(sources: readonly string[], options: FindOptions): Promise<FoundParts> {
  const found: FoundParts = { parts: [], configs: [] };
  for (const source of sources) {
    if ((await stat(source)).isDirectory()) {
      const { parts, configs } = await partsOfFolder(source, options);
      found.parts.push(...parts);
      found.configs.push(...configs);
    } else {
      found.parts.push(...(await partsOfFile(source, options)));
    }
  }
  if (options.config !== undefined && found.configs.length === 0) {
    throw new DatasetError(
      `--config ${options.config} does not apply: the source has no data card with configurations.`,
    );
  }
  return found;
}

/** The parts of one split. Throws a DatasetError that names the splits there are where the choice is open or wrong. */
export function chooseSplit(parts: readonly SourcePart[], split: string | undefined): SourcePart[] {
  const splits = splitsOf(parts);
  if (split === undefined) {
    if (splits.length <= 1) return [...parts];
    throw new DatasetError(`The source has the splits ${splits.join(", ")}: choose one with --split.`);
  }
  const chosen = parts.filter((part) => part.split === split);
  if (chosen.length > 0) return chosen;
  const known = splits.length === 0 ? "it has no splits" : `it has ${splits.join(", ")}`;
  throw new DatasetError(`The source has no split "${split}": ${known}.`);
}

export function splitsOf(parts: readonly SourcePart[]): string[] {
  return [...new Set(parts.flatMap(({ split }) => (split === null ? [] : [split])))];
}

async function partsOfFile(path: string, options: FindOptions): Promise<SourcePart[]> {
  const format = options.format === "auto" ? await detectSourceFormat(path) : options.format;
  if (format !== "json") return [{ path, format, split: null }];
  const layout = await jsonLayout(path, options.signal);
  if (layout.kind !== "members") return [{ path, format, split: null }];
  const keys = [...new Set(layout.keys)];
  return keys.map((member) => ({ path, format, split: keys.length === 1 ? null : member, member }));
}

/** By what the file begins with, then by its name. */
async function detectSourceFormat(path: string): Promise<SourceFormat> {
  const start = await firstBytes(path, SNIFFED_BYTES);
  refuseLfsPointer(path, start);
  if (start.toString("latin1", 0, 4) === "PAR1") return "parquet";
  if (start.toString("latin1", 0, 6) === "ARROW1") return "arrow";
  const named = formatOfName(path);
  if (named !== null) return named;
  if (/^(\ufeff)?\s*[[{]/.test(start.toString("utf8"))) return "json";
  throw new DatasetError(`${path} has no known format: name it with --format (parquet, json, csv, tsv or arrow).`);
}
