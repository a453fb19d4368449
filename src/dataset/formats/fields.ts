import type { RowPath, RowProblem } from "../problem";
import type { JsonObject } from "./format";

/** Checks of single fields, shared by the formats so that the same mistake reads the same in each. */

const loneSurrogate = /\p{Surrogate}/u;
const blank = /^\s*$/;

export function isBlank(text: string): boolean {
  return blank.test(text);
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
  return { reason: "missing-field", message: `${where} has no "${key}": add it; it holds ${use}.`, path: parent };
}

/** The problem with a text's type or characters, or null. */
export function textProblem(value: unknown, path: RowPath): RowProblem | null {
  const name = fieldName(path);
  if (typeof value !== "string") {
    return { reason: "wrong-type", message: `"${name}" is ${typeName(value)}: it must be a text in quotes.`, path };
  }
  if (loneSurrogate.test(value)) {
    return {
      reason: "invalid-text",
      message: `"${name}" holds half of a surrogate pair (\\ud800 to \\udfff alone), which is no character: remove it.`,
      path,
    };
  }
  return null;
}

export interface TextField {
  /** Ends the sentence `it holds …`. */
  use: string;
  /** What an absent (or null) or a blank value means. */
  absent: "problem" | "allowed";
  blank: "empty-answer" | "empty-instruction" | "allowed";
}

export function checkTextField(row: JsonObject, key: string, field: TextField, parent: RowPath = []): RowProblem[] {
  const value = has(row, key) ? row[key] : undefined;
  if (value === undefined) return field.absent === "allowed" ? [] : [missingField(parent, key, field.use)];
  if (value === null && field.absent === "allowed") return [];
  const path = [...parent, key];
  const problem = textProblem(value, path);
  if (problem !== null) return [problem];
  if (field.blank !== "allowed" && isBlank(value as string)) {
    return [{ reason: field.blank, message: `"${fieldName(path)}" is empty: it must hold ${field.use}.`, path }];
  }
  return [];
}
