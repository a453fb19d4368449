import type { JsonObject } from "../formats/format";

/** What a source file holds. `json`: an array, an object that holds arrays, or JSON Lines under another name. */
export const sourceFormats = ["parquet", "json", "csv", "tsv", "arrow"] as const;
export type SourceFormat = (typeof sourceFormats)[number];

/** One file of a source, or one array of a JSON file. */
export interface SourcePart {
  path: string;
  format: SourceFormat;
  /** Null: the source knows no splits. */
  split: string | null;
  /** The key whose array holds the rows, where the file is a JSON object. */
  member?: string;
}

export interface ImportRow {
  value: JsonObject;
  /** The row as the source writes it, on one line: it keeps what a value does not, such as large numbers. */
  text: string | null;
  /** Where it begins, 1-based; null where the source has no lines. */
  line: number | null;
}

/** What a row was left out for. */
export interface DroppedRow {
  path: string;
  /** 1-based. */
  line: number;
  check: "json-syntax" | "not-an-object" | "line-too-long";
  message: string;
}

/** Values that JSON has no words for, and what was written instead. */
export interface Replacements {
  /** NaN and infinities, written as null. */
  nonFinite: number;
  /** Whole numbers beyond 2^53, written as text. */
  largeIntegers: number;
  /** Rows with a number of more digits than are kept where a row is taken apart. */
  roundedNumbers: number;
  /** Texts whose bytes are not UTF-8, written with U+FFFD. */
  invalidTexts: number;
}

export interface ReadOptions {
  signal?: AbortSignal | undefined;
  replaced: Replacements;
  onDropped(row: DroppedRow): void;
  /** The share of the part that has been read, 0 to 1. */
  onProgress(share: number): void;
}

/** An opened part. Rows come in batches, in the source's order; memory holds one batch and what it was decoded from. */
export interface RowSource {
  /** Null: each row has the columns that it has. */
  columns: readonly string[] | null;
  /** Reads the columns named alone, where the format can leave the others unread. Called once. */
  batches(only: ReadonlySet<string> | null): AsyncIterable<ImportRow[]>;
  close(): Promise<void>;
}
