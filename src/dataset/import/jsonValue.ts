import { isUtf8 } from "node:buffer";
import { DatasetError } from "../problem";
import type { Replacements } from "./rowSource";

/** Control characters that no text has: bytes with them are data, though they may happen to be UTF-8. */
const binary = /[\0-\x08\x0b\x0e-\x1f]/;

/**
 * A value of a Parquet or Arrow file as JSON has it: whole numbers beyond 2^53 become text, NaN and infinities null,
 * missing values null. Throws a DatasetError that names the column where it holds bytes that are no text.
 */
export function toJsonValue(value: unknown, column: string, replaced: Replacements): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value)) return value;
      replaced.nonFinite++;
      return null;
    case "bigint":
      if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return Number(value);
      replaced.largeIntegers++;
      return String(value);
    case "object":
      return value === null ? null : toJsonContainer(value, column, replaced);
    default:
      return null;
  }
}

function toJsonContainer(value: object, column: string, replaced: Replacements): unknown {
  if (value instanceof Uint8Array) return textOfBytes(value, column);
  if (Array.isArray(value)) return value.map((item) => toJsonValue(item, column, replaced));
  if (ArrayBuffer.isView(value)) {
    return Array.from(value as unknown as ArrayLike<unknown>, (item) => toJsonValue(item, column, replaced));
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, toJsonValue(item, `${column}.${key}`, replaced)]),
  );
}

/** Writers that know no text type store texts as bytes. */
function textOfBytes(bytes: Uint8Array, column: string): string {
  const text = isUtf8(bytes) ? decodeText(bytes) : null;
  if (text !== null && !binary.test(text)) return text;
  throw new DatasetError(
    `The column "${column}" holds bytes, which JSON cannot: leave it out by naming the columns to import.`,
  );
}

/** Counts a text whose bytes are not UTF-8; they become U+FFFD. */
export function decodeTextCounting(bytes: Uint8Array, replaced: Replacements): string {
  if (!isUtf8(bytes)) replaced.invalidTexts++;
  return decodeText(bytes);
}

function decodeText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

const LAST_DATE_MS = 8_640_000_000_000_000n;

/** A time as ISO 8601 in UTC, with no more digits than it needs; its number where no date can show it. */
export function isoTime(units: bigint, unitsPerSecond: 1n | 1_000n | 1_000_000n | 1_000_000_000n): string {
  const seconds = floorDivide(units, unitsPerSecond);
  if (seconds * 1_000n > LAST_DATE_MS || seconds * 1_000n < -LAST_DATE_MS) return String(units);
  const fraction = units - seconds * unitsPerSecond;
  const date = new Date(Number(seconds * 1_000n)).toISOString().replace(/\.000Z$/, "");
  if (fraction === 0n) return `${date}Z`;
  const digits = String(unitsPerSecond).length - 1;
  return `${date}.${String(fraction)
    .padStart(digits, "0")
    .replace(/(\d{3}?)(?:000)+$/, "$1")}Z`;
}

/** Days since 1970 as an ISO 8601 date; the number where no date can show it. */
export function isoDate(days: number): string {
  const date = new Date(days * 86_400_000);
  return Number.isNaN(date.getTime()) ? String(days) : date.toISOString().replace(/T.*$/, "");
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}
