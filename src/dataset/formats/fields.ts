import type { RowPath, RowProblem } from "../problem";
import type { JsonObject, Layout } from "./format";
import { partPath, valueAt } from "./layout";

/** Checks of single fields, shared by the formats so that the same mistake reads the same in each. */

const blank = /^\s*$/;

export function isBlank(text: string): boolean {
  return (text.length === 0 || text.charCodeAt(0) <= 0x20 || text.charCodeAt(0) > 0x7e) && blank.test(text);
}

export function has(row: JsonObject, key: string): boolean {
  return Object.hasOwn(row, key);
}

export function fieldName(path: RowPath): string {
  let name = "";
  for (const part of path) {
    if (typeof part === "number") name += `[${part}]`;
    else name += name === "" ? part : `.${part}`;
  }
  return name;
}

export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  switch (typeof value) {
    case "object":
      return "an object";
    case "string":
      return "a text";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    default:
      return typeof value;
  }
}

export function missingField(parent: RowPath, key: string, use: string): RowProblem {
  const where = parent.length === 0 ? "The row" : `"${fieldName(parent)}"`;
  const message = `${where} has no "${key}": add it; it holds ${use}.`;
  return { check: "missing-field", message, path: parent, missing: key };
}

export function wrongType(value: unknown, path: RowPath, expected: string): RowProblem {
  const message = `"${fieldName(path)}" is ${typeName(value)}: it must be ${expected}.`;
  return { check: "wrong-type", message, path };
}

/** The problem with a text's type or characters, or null. */
export function textProblem(value: unknown, path: RowPath): RowProblem | null {
  if (typeof value !== "string") return wrongType(value, path, "a text in quotes");
  if (value.isWellFormed()) return null;
  const start = value
    .toWellFormed()
    .split("")
    .findIndex((unit, index) => unit !== value[index]);
  return {
    check: "lone-surrogate",
    message: `"${fieldName(path)}" holds half of a surrogate pair (\\ud800 to \\udfff alone), which is no character: remove it.`,
    path,
    range: { start, end: start + 1 },
  };
}

export interface TextField {
  /** Ends the sentence `it holds …`. */
  use: string;
  /** What an absent (or null) or a blank value means. */
  absent: "problem" | "allowed";
  blank: "empty-answer" | "empty-instruction" | "allowed";
}

/** One for all rows in order. */
const NONE: RowProblem[] = [];

/** Checks the text at `path`, whose last step is the field's key. */
export function checkTextField(row: JsonObject, path: RowPath, field: TextField): RowProblem[] {
  const value = valueAt(row, path);
  if (value === undefined) {
    return field.absent === "allowed" ? NONE : [missingField(path.slice(0, -1), String(path.at(-1)), field.use)];
  }
  if (value === null && field.absent === "allowed") return NONE;
  const problem = textProblem(value, path);
  if (problem !== null) return [problem];
  return isBlank(value as string) ? blankProblem(path, field) : NONE;
}

/** Of a field that holds nothing but white space. */
export function blankProblem(path: RowPath, field: TextField): RowProblem[] {
  if (field.blank === "allowed") return NONE;
  return [{ check: field.blank, message: `"${fieldName(path)}" is empty: it must hold ${field.use}.`, path }];
}

export function checkTextPart(row: JsonObject, layout: Layout, part: string, field: TextField): RowProblem[] {
  return checkTextField(row, partPath(layout, part), field);
}

/** A part's text; "" where an optional one is absent. */
export function textOf(row: JsonObject, layout: Layout, part: string): string {
  return (valueAt(row, partPath(layout, part)) as string | null | undefined) ?? "";
}
