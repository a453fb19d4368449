import { bestFormat, isComplete, isObject, resembles } from "./formats/detect";
import { typeName } from "./formats/fields";
import type { Dialect, JsonObject } from "./formats/format";
import { valueAt } from "./formats/layout";
import { formats } from "./formats/registry";
import { closestName } from "./formats/spelling";
import type { RowProblem } from "./problem";
import type { Sample } from "./sample";

/**
 * THE checks of a parsed row's structure: the language server, validation and preparation all call this.
 * `dialect`: the file's; null where none was recognised. Empty: the row can be read.
 */
export function checkRow(value: unknown, dialect: Dialect | null): RowProblem[] {
  if (!isObject(value)) {
    const example = (dialect?.format ?? formats[0]!).example;
    return [
      {
        check: "not-an-object",
        message: `The row is ${typeName(value)}: each line must hold one object, such as ${example}.`,
        path: [],
      },
    ];
  }
  if (dialect === null) {
    return [
      {
        check: "unknown-format",
        message: `The row's fields fit no known format: use ${formats.map((known) => known.example).join(" or ")}.`,
        path: [],
      },
    ];
  }
  return otherFormat(value, dialect) ?? dialect.format.check(value, dialect.layout).map(hintAt(value, dialect));
}

/** Only for a row in which checkRow found no problem. */
export function readRow(value: unknown, { format, layout }: Dialect): Sample {
  return format.read(value as JsonObject, layout);
}

/** A row that has nothing of the file's format, or all of another one and not all of this. */
function otherFormat(row: JsonObject, dialect: Dialect): RowProblem[] | null {
  const { format, layout } = dialect;
  const missing = format.parts.some((part) => part.required && valueAt(row, layout[part.name] ?? []) === undefined);
  if (!missing) return null;
  const other = bestFormat(row);
  if (other !== null && other !== format && isComplete(row, other)) {
    const message = `This row is written as ${other.name}, the file as ${format.name}: use ${format.example}.`;
    return [{ check: "other-format", message, path: [] }];
  }
  if (resembles(row, dialect)) return null;
  const message = `The row has none of the fields of the file's format (${format.name}): use ${format.example}.`;
  return [{ check: "unknown-format", message, path: [] }];
}

/** Where a field is missing and a key of the row is another spelling of it, that key is named and marked. */
function hintAt(row: JsonObject, dialect: Dialect): (problem: RowProblem) => RowProblem {
  return (problem) => {
    const { missing } = problem;
    if (missing === undefined || problem.path.length > 0) return problem;
    const absent = dialect.format.parts.find(({ name }) => dialect.layout[name]?.[0] === missing);
    const key = absent && misspelledKey(row, absent.spellings, dialect);
    if (key === undefined) return problem;
    const message = `The row has no "${missing}": rename "${key}", which seems to be meant.`;
    return { check: "missing-field", message, path: [key], missing, atKey: true };
  };
}

function misspelledKey(row: JsonObject, spellings: readonly string[], dialect: Dialect): string | undefined {
  const used = new Set(Object.values(dialect.layout).map((path) => String(path[0])));
  const free = Object.keys(row).filter((key) => !used.has(key));
  return free.find((key) => spellings.includes(key)) ?? closestName(spellings[0]!, free) ?? undefined;
}

/**
 * Keys that other rows of the file do not have. Not part of `checkRow`: such a row can be read.
 */
export function unknownFields(value: unknown, dialect: Dialect): RowProblem[] {
  const { usualKeys, layout } = dialect;
  if (usualKeys === null || !isObject(value)) return [];
  const used = Object.values(layout).map((path) => String(path[0]));
  const problems: RowProblem[] = [];
  for (const key of Object.keys(value)) {
    if (used.includes(key)) continue;
    const absent = used.filter((name) => !Object.hasOwn(value, name));
    const meant = absent.length === 0 ? null : closestName(key, absent);
    if (meant === null && usualKeys.has(key)) continue;
    const hint = meant === null ? "the other rows do not have it; it is not used." : `is "${meant}" meant?`;
    const message = `The field ${JSON.stringify(key.slice(0, 60))} is unknown: ${hint}`;
    problems.push({ check: "unknown-field", message, path: [key], atKey: true });
  }
  return problems;
}

/** Everything about a row's structure: what keeps it from being read, and fields that others do not have. */
export function structureProblems(value: unknown, dialect: Dialect): RowProblem[] {
  const problems = checkRow(value, dialect);
  return [...problems, ...notYetNamed(unknownFields(value, dialect), problems)];
}

/** A misspelled field is missing under its name: it is not told a second time as unknown. */
export function notYetNamed(unknown: readonly RowProblem[], problems: readonly RowProblem[]): readonly RowProblem[] {
  if (unknown.length === 0 || problems.length === 0) return unknown;
  const named = new Set(problems.filter(({ atKey }) => atKey).map(({ path }) => path[0]));
  return unknown.filter(({ path }) => !named.has(path[0]));
}

/** The `source` field that a split by source goes by: never the same value on both sides. */
export function rowSource(value: unknown): string | null {
  if (!isObject(value)) return null;
  const { source } = value;
  return typeof source === "string" && source !== "" ? source : null;
}
