import type { JsonObject } from "../formats/format";
import { DatasetError } from "../problem";

/** One field of the rows to write. */
export interface MappedColumn {
  name: string;
  /** A column's name, or a path into it: `answers.text.0`. */
  from: string;
}

/**
 * `instruction=question,output=answer.text`; a name alone keeps its name. A comma or an equals sign inside a name is
 * written with a backslash before it. Throws a DatasetError where a part is empty or a name stands twice.
 */
export function parseColumnMapping(texts: readonly string[]): MappedColumn[] {
  const columns: MappedColumn[] = [];
  for (const text of texts.flatMap((whole) => splitUnescaped(whole, ","))) {
    const parts = splitUnescaped(text, "=").map((part) => part.replace(/\\([,=\\])/g, "$1").trim());
    const name = parts[0] ?? "";
    const from = parts[1] ?? name;
    if (name === "" || from === "" || parts.length > 2) {
      throw new DatasetError(`The columns must be given as name=column, separated by commas, not "${text}".`);
    }
    if (name === "__proto__" || columns.some((column) => column.name === name)) {
      throw new DatasetError(`The columns name "${name}" twice or it cannot be a field: give each field once.`);
    }
    columns.push({ name, from });
  }
  return columns;
}

function splitUnescaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === separator) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** Rows after which a column that none of them has is taken for a mistake. */
const ROWS_TO_FIND_COLUMNS = 10_000;

/** Picks the fields to write out of each row, and notes which columns no row has. */
export class ColumnPicker {
  private readonly found = new Set<string>();
  private readonly seen = new Set<string>();
  private rows = 0;

  constructor(private readonly columns: readonly MappedColumn[]) {}

  /** The columns of a source that are needed at all. Throws a DatasetError where it does not have one of them. */
  neededOf(known: readonly string[]): Set<string> {
    const needed = new Set<string>();
    for (const { from } of this.columns) {
      const name = known.find((column) => column === from) ?? known.find((column) => from.startsWith(`${column}.`));
      if (name === undefined) throw unknownColumn(from, known);
      for (const column of known) if (column === from || from.startsWith(`${column}.`)) needed.add(column);
    }
    return needed;
  }

  /** Fields that the row does not have are left out. */
  pick(row: JsonObject): JsonObject {
    const picked: JsonObject = {};
    for (const { name, from } of this.columns) {
      const value = valueAt(row, from);
      if (value === undefined) continue;
      this.found.add(name);
      picked[name] = value;
    }
    this.rows++;
    if (this.found.size < this.columns.length && this.rows <= ROWS_TO_FIND_COLUMNS) {
      for (const key of Object.keys(row)) this.seen.add(key);
      if (this.rows === ROWS_TO_FIND_COLUMNS) this.checkFound();
    }
    return picked;
  }

  /** Throws a DatasetError that lists the columns there are where one was in no row. */
  checkFound(): void {
    if (this.rows === 0) return;
    const missing = this.columns.find(({ name }) => !this.found.has(name));
    if (missing !== undefined) throw unknownColumn(missing.from, [...this.seen]);
  }
}

/** A key that holds dots is found before a path is. */
function valueAt(value: unknown, path: string): unknown {
  if (value === null || typeof value !== "object") return undefined;
  if (Array.isArray(value)) {
    const [, index, , rest] = /^(\d{1,9})(\.(.*))?$/s.exec(path) ?? [];
    if (index === undefined) return undefined;
    const item = (value as unknown[])[Number(index)];
    return rest === undefined ? item : valueAt(item, rest);
  }
  const object = value as JsonObject;
  if (Object.hasOwn(object, path)) return object[path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const key = path.slice(0, dot);
    if (Object.hasOwn(object, key)) return valueAt(object[key], path.slice(dot + 1));
  }
  return undefined;
}

const MOST_NAMED = 30;

function unknownColumn(column: string, known: readonly string[]): DatasetError {
  const named = known.slice(0, MOST_NAMED).join(", ");
  const more = known.length > MOST_NAMED ? ` and ${known.length - MOST_NAMED} more` : "";
  return new DatasetError(`There is no column "${column}": the columns are ${named}${more}.`);
}
