import type { ParseArgsConfig } from "node:util";
import type { JobMessage } from "../protocol/job";

/** The options of one command, as node:util's parseArgs takes them, with what the usage text needs beside. */
export type OptionSpecs = Record<string, OptionSpec>;
export interface OptionSpec {
  type: "string" | "boolean";
  short?: string;
  multiple?: boolean;
  /** What stands for the value in the usage text, e.g. "DIR"; strings only. */
  value?: string;
  /** One line for the usage text. */
  description: string;
}
/** Keeps parseArgs' own shape honest: whatever it drops or renames shows up here. */
export type ParseArgsOptions = NonNullable<ParseArgsConfig["options"]>;

export type OptionValues = Record<string, string | boolean | (string | boolean)[] | undefined>;

/** What a command may touch of the outside world: nothing writes to process.stdout or reads process.argv itself. */
export interface CommandContext {
  /** The options that were given; absent ones are undefined. */
  values: OptionValues;
  /** The words after the command's name that are not options. */
  positionals: string[];
  cwd: string;
  /** Aborted by SIGINT and SIGTERM. A command that ends because of it throws `Cancelled` (or the signal's own reason). */
  signal: AbortSignal;
  /** True with `--progress json`: stdout carries JobMessage lines and nothing else. */
  json: boolean;
  /** A job's progress: a JobMessage line with `--progress json`, otherwise a line on stderr that overwrites itself. */
  progress(stage: string, fraction: number | null, detail?: string): void;
  /** A row that cannot be used: a JobMessage line, otherwise `file:row: message` on stderr. */
  problem(problem: Omit<Extract<JobMessage, { type: "problem" }>, "type">): void;
  /** A piece of what it finds, ahead of it: `value` as a JobMessage line, otherwise `text` on stdout as it is. */
  partial(value: unknown, text: string): void;
  /** What the command found: `value` as a JobMessage line with `--progress json`, otherwise `text` on stdout. */
  result(value: unknown, text: string): void;
  /** A line for people on stdout; nothing with `--progress json`. */
  print(line: string): void;
}

/** One subcommand. Lies in commands/<name>.ts as `export const command: Command` and in main.ts's registry. */
export interface Command {
  /** The words that call it, e.g. ["dataset", "from-python"]. */
  name: readonly string[];
  /** One line for the overview. */
  summary: string;
  /** What the usage shows for the words after the name, e.g. "FILE"; absent: none are allowed. */
  positionals?: { usage: string; min: number; max: number };
  /** Beside these every command knows --progress text|json and --help. */
  options: OptionSpecs;
  /** The exit code where `run` throws; 1 where it is absent. */
  failureCode?: number;
  /** The exit code. Failures are thrown as an Error whose message is one sentence for the user: main prints it. */
  run(context: CommandContext): Promise<number>;
}

/** Wrong arguments: main prints the message and the command's usage, exit 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The user ended the job (SIGINT, SIGTERM): exit 130. */
export class Cancelled extends Error {
  override name = "Cancelled";
  constructor() {
    super("The job was cancelled.");
  }
}

/** The value of a string option, or undefined; a UsageError where it was given empty. */
export function stringOption(context: CommandContext, name: string): string | undefined {
  const value = context.values[name];
  if (typeof value !== "string") return undefined;
  if (value === "") throw new UsageError(`--${name} needs a value.`);
  return value;
}

export function requiredOption(context: CommandContext, name: string): string {
  const value = stringOption(context, name);
  if (value === undefined) throw new UsageError(`--${name} is missing.`);
  return value;
}

/** A number option within [min, max]; `whole` refuses fractions. Undefined where it was not given. */
export function numberOption(
  context: CommandContext,
  name: string,
  range: { min: number; max: number; whole?: boolean },
): number | undefined {
  const text = stringOption(context, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  const kind = range.whole ? "whole number" : "number";
  if (!Number.isFinite(value) || (range.whole && !Number.isInteger(value)) || value < range.min || value > range.max) {
    throw new UsageError(`--${name} must be a ${kind} from ${range.min} to ${range.max}, not "${text}".`);
  }
  return value;
}
