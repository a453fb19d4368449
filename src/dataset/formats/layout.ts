import { DatasetError, type RowPath } from "../problem";
import type { Format, JsonObject, Layout, Part } from "./format";

/** The value at a path; undefined if there is none. */
export function valueAt(row: unknown, path: RowPath): unknown {
  let value = row;
  for (let index = 0; index < path.length; index++) {
    const step = path[index]!;
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** Where the format's own names put each part. */
export function canonicalLayout(format: Format): Layout {
  return Object.fromEntries(format.parts.map(({ name, spellings }) => [name, [spellings[0]!]]));
}

export function partPath(layout: Layout, name: string): RowPath {
  return layout[name] ?? [name];
}

/** The first spelling under which a row has a part. */
export function spellingIn(row: JsonObject, part: Part): string | null {
  for (const spelling of part.spellings) {
    if (Object.hasOwn(row, spelling) && (part.accepts?.(row[spelling]) ?? true)) return spelling;
  }
  return null;
}

/** `answer.text.0` as ["answer", "text", 0]: how settings and options name a nested field. */
export function parsePath(text: string): RowPath {
  if (text === "") throw new DatasetError("A field's path is empty: name a key, such as output or answer.text.0.");
  return text.split(".").map((step) => (/^(0|[1-9][0-9]{0,8})$/.test(step) ? Number(step) : step));
}
