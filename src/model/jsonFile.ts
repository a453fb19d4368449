import { readFileSync, statSync } from "node:fs";
import { ModelError, systemError } from "./error";

/** No JSON file that describes a model or an adapter comes near this; a larger one is not what it claims to be. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** Reads a JSON object; every failure names the file. */
export function readJsonObject(path: string): JsonFields {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_JSON_BYTES)
      throw new ModelError(`${path} holds ${size} bytes: too large to be the JSON file expected here.`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw systemError(path, "read", error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ModelError(`${path} is not valid JSON (${(error as Error).message}); it may be truncated.`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ModelError(`${path} must hold a JSON object.`);
  }
  return new JsonFields(path, value as Record<string, unknown>, "");
}

/** Typed access to the fields of a JSON object from a file, with the file and the field in every error. */
export class JsonFields {
  constructor(
    readonly file: string,
    readonly values: Record<string, unknown>,
    private readonly parent: string,
  ) {}

  /** True where the field is there and not null. */
  has(name: string): boolean {
    return Object.hasOwn(this.values, name) && this.values[name] !== null;
  }

  /** The value, or undefined where it is absent or null. */
  raw(name: string): unknown {
    return this.has(name) ? this.values[name] : undefined;
  }

  fail(name: string, expected: string): never {
    const found = this.has(name) ? `not ${describe(this.values[name])}` : "but it is missing";
    throw new ModelError(`${this.file}: ${this.parent}${name} must be ${expected}, ${found}.`);
  }

  object(name: string): JsonFields {
    const value = this.raw(name);
    if (typeof value !== "object" || value === null || Array.isArray(value)) this.fail(name, "an object");
    return new JsonFields(this.file, value as Record<string, unknown>, `${this.parent}${name}.`);
  }

  /** The same access to an object found inside this one, e.g. an element of a list. */
  within(values: Record<string, unknown>, name: string): JsonFields {
    return new JsonFields(this.file, values, `${this.parent}${name}.`);
  }

  integer(name: string, range: { min: number; max: number }, otherwise?: number): number {
    if (otherwise !== undefined && !this.has(name)) return otherwise;
    const value = this.raw(name);
    if (typeof value !== "number" || !Number.isInteger(value) || value < range.min || value > range.max) {
      this.fail(name, `a whole number from ${range.min} to ${range.max}`);
    }
    return value as number;
  }

  positive(name: string, otherwise?: number): number {
    if (otherwise !== undefined && !this.has(name)) return otherwise;
    const value = this.raw(name);
    if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) this.fail(name, "a number above 0");
    return value as number;
  }

  boolean(name: string, otherwise: boolean): boolean {
    if (!this.has(name)) return otherwise;
    const value = this.raw(name);
    if (typeof value !== "boolean") this.fail(name, "true or false");
    return value as boolean;
  }

  string(name: string, otherwise?: string): string {
    if (otherwise !== undefined && !this.has(name)) return otherwise;
    const value = this.raw(name);
    if (typeof value !== "string") this.fail(name, "a string");
    return value as string;
  }
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
