import { isObject } from "./formats/detect";
import { typeName } from "./formats/fields";
import type { Format, JsonObject } from "./formats/format";
import { formats } from "./formats/registry";
import type { RowProblem } from "./problem";
import type { Sample } from "./sample";

/**
 * THE checks of a parsed row: the language server and preparation both call this and nothing else.
 * `format`: the file's; null where none was recognised. Empty: the row can be read.
 */
export function checkRow(value: unknown, format: Format | null): RowProblem[] {
  if (!isObject(value)) {
    return [
      {
        reason: "not-an-object",
        message: `The row is ${typeName(value)}: each line must hold one object, such as ${(format ?? formats[0]!).example}.`,
        path: [],
      },
    ];
  }
  if (format === null) {
    return [
      {
        reason: "unknown-format",
        message: `The row's fields fit no known format: use ${formats.map((known) => known.example).join(" or ")}.`,
        path: [],
      },
    ];
  }
  if (format.resemblance(value) === 0) {
    return [
      {
        reason: "unknown-format",
        message: `The row has none of the fields of the file's format (${format.name}): use ${format.example}.`,
        path: [],
      },
    ];
  }
  return format.check(value);
}

/** Only for a row in which checkRow found no problem. */
export function readRow(value: unknown, format: Format): Sample {
  return format.read(value as JsonObject);
}

/** The `source` field that a split by source goes by: never the same value on both sides. */
export function rowSource(value: unknown): string | null {
  if (!isObject(value)) return null;
  const { source } = value;
  return typeof source === "string" && source !== "" ? source : null;
}
