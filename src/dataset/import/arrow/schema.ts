import { DatasetError } from "../../problem";
import type { Table } from "./flatbuffers";

/** Arrow's Schema message, as far as text data sets need it (format/Schema.fbs of Apache Arrow). */

export type TimeUnit = 1n | 1_000n | 1_000_000n | 1_000_000_000n;

export type ArrowType =
  | { kind: "null" | "bool" | "binary" | "text" | "struct" }
  | { kind: "int"; bits: 8 | 16 | 32 | 64; signed: boolean }
  | { kind: "float"; bits: 16 | 32 | 64 }
  | { kind: "list"; size: number | null }
  | { kind: "map" }
  | { kind: "date"; unit: "day" | "millisecond" }
  | { kind: "timestamp"; unitsPerSecond: TimeUnit }
  /** Lies in the file as plain values do, so that its neighbours can be read. */
  | { kind: "unreadable"; name: string };

export interface ArrowField {
  name: string;
  type: ArrowType;
  /** Bytes of an offset; of use to texts, bytes and lists alone. */
  offsetBytes: 4 | 8;
  children: ArrowField[];
  /** The dictionary that the values lie in, and the integers that point into it. */
  dictionary: { id: bigint; index: ArrowType } | null;
}

const typeNames = [
  "none",
  "null",
  "int",
  "float",
  "binary",
  "utf8",
  "bool",
  "decimal",
  "date",
  "time",
  "timestamp",
  "interval",
  "list",
  "struct",
  "union",
  "fixed-size binary",
  "fixed-size list",
  "map",
  "duration",
  "large binary",
  "large utf8",
  "large list",
  "run-end encoded",
  "binary view",
  "utf8 view",
  "list view",
  "large list view",
];
const DEEPEST = 64;
/** DateUnit; a unit that is not written is the millisecond. */
const DAY = 0;
const MILLISECOND = 1;
const timeUnits: readonly TimeUnit[] = [1n, 1_000n, 1_000_000n, 1_000_000_000n];

/** Throws a DatasetError that names the column where its type hides where the next column begins. */
export function readSchema(path: string, schema: Table): ArrowField[] {
  if (schema.short(0) !== 0)
    throw new DatasetError(`${path} was written on a big-endian machine, which cannot be read.`);
  return schema.tables(1).map((field) => readField(path, field, "", 0));
}

function readField(path: string, field: Table, parent: string, depth: number): ArrowField {
  const name = field.text(0);
  const full = parent === "" ? name : `${parent}.${name}`;
  if (depth > DEEPEST) throw new DatasetError(`${path}: the column "${full}" is nested too deep.`);
  const number = field.byte(2);
  const typeName = typeNames[number] ?? `number ${number}`;
  const type = typeOf(typeName, field.table(3));
  if (type === null) throw unreadable(path, full, typeName);
  const encoding = field.table(4);
  return {
    name,
    type,
    offsetBytes: typeName.startsWith("large ") ? 8 : 4,
    children: field.tables(5).map((child) => readField(path, child, full, depth + 1)),
    dictionary: encoding === null ? null : { id: encoding.long(0), index: indexType(encoding.table(1)) },
  };
}

function typeOf(name: string, details: Table | null): ArrowType | null {
  switch (name) {
    case "null":
    case "bool":
    case "struct":
    case "map":
      return { kind: name };
    case "utf8":
    case "large utf8":
      return { kind: "text" };
    case "binary":
    case "large binary":
      return { kind: "binary" };
    case "list":
    case "large list":
      return { kind: "list", size: null };
    case "fixed-size list":
      return { kind: "list", size: details?.int(0) ?? 0 };
    case "int":
      return details === null ? null : intType(details);
    case "float":
      return { kind: "float", bits: ([16, 32, 64] as const)[details?.short(0) ?? 0] ?? 64 };
    case "date":
      return { kind: "date", unit: details?.short(0, MILLISECOND) === DAY ? "day" : "millisecond" };
    case "timestamp":
      return { kind: "timestamp", unitsPerSecond: timeUnits[details?.short(0) ?? 0] ?? 1n };
    case "decimal":
    case "time":
    case "interval":
    case "duration":
    case "fixed-size binary":
      return { kind: "unreadable", name };
    default:
      return null;
  }
}

/** Throws a DatasetError where the column holds a type that JSON has nothing for. */
export function checkReadable(path: string, field: ArrowField, full = field.name): void {
  if (field.type.kind === "unreadable") throw unreadable(path, full, field.type.name);
  for (const child of field.children) checkReadable(path, child, `${full}.${child.name}`);
}

function unreadable(path: string, column: string, type: string): DatasetError {
  return new DatasetError(
    `${path}: the column "${column}" has the Arrow type ${type}, which cannot be read: leave it out by naming the columns to import, or write it as text.`,
  );
}

function intType(details: Table): ArrowType | null {
  const bits = details.int(0);
  const signed = details.byte(1) !== 0;
  return bits === 8 || bits === 16 || bits === 32 || bits === 64 ? { kind: "int", bits, signed } : null;
}

function indexType(details: Table | null): ArrowType {
  return (details === null ? null : intType(details)) ?? { kind: "int", bits: 32, signed: true };
}
