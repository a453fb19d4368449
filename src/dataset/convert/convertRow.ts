import type { CheckId } from "../checks/table";
import { isObject } from "../formats/detect";
import type { Dialect, JsonObject } from "../formats/format";
import { partPath } from "../formats/layout";
import type { RowPath } from "../problem";
import { Unconvertible } from "./content";
import { readContent } from "./readContent";
import { writeContent } from "./writeContent";

export type Conversion =
  /** `lost`: what the new row does not say any more, in words that end the sentence "Lost: …". */
  | { value: JsonObject; lost: string[] }
  /** One sentence for the user. */
  | { value: null; refused: string };

/** Faults that a row has in every format: they are carried over, and shown there. */
const carriedOver: ReadonlySet<CheckId> = new Set([
  "empty-answer",
  "empty-instruction",
  "role-order",
  "no-assistant-turn",
  "last-turn-not-assistant",
  "all-masked",
  "lone-surrogate",
]);

/** The row as the other dialect writes it: `canonicalDialect(format)` for a format's own names. */
export function convertRow(value: unknown, from: Dialect, to: Dialect): Conversion {
  if (!isObject(value)) return { value: null, refused: "The row is not an object." };
  const fault = from.format.check(value, from.layout).find(({ check }) => !carriedOver.has(check));
  if (fault !== undefined) return { value: null, refused: fault.message };
  const lost = new Set<string>();
  try {
    const parts = writeContent(readContent(value, from, lost), to.format.id, lost);
    const row: JsonObject = {};
    for (const { name } of to.format.parts) {
      if (parts[name] !== undefined) place(row, partPath(to.layout, name), parts[name]);
    }
    keepExtras(value, from, row, lost);
    return { value: row, lost: [...lost] };
  } catch (error) {
    if (!(error instanceof Unconvertible)) throw error;
    return { value: null, refused: error.message };
  }
}

/** Fields beside the format's are kept where the new row has room for them. */
function keepExtras(value: JsonObject, from: Dialect, row: JsonObject, lost: Set<string>): void {
  const read = new Set(from.format.parts.map(({ name }) => String(partPath(from.layout, name)[0])));
  for (const [key, extra] of Object.entries(value)) {
    if (read.has(key)) continue;
    if (key === "__proto__" || Object.hasOwn(row, key)) lost.add(`the field "${key}"`);
    else row[key] = extra;
  }
}

function place(row: JsonObject, path: RowPath, value: unknown): void {
  let container = row as Record<string | number, unknown>;
  for (const [index, step] of path.slice(0, -1).entries()) {
    if (!Object.hasOwn(container, step)) container[step] = typeof path[index + 1] === "number" ? [] : {};
    container = container[step] as Record<string | number, unknown>;
  }
  container[path.at(-1)!] = value;
}
