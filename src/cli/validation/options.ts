/** What the command line, and the editor's settings where they are handed over, say of a validation. */

import { resolve } from "node:path";
import { isSeveritySetting, Severities } from "../../dataset/checks/severities";
import { isCheckId } from "../../dataset/checks/table";
import type { DialectChoice } from "../../dataset/formats/detect";
import { formatById } from "../../dataset/formats/registry";
import type { CheckScope } from "../../dataset/scan/scanFile";
import type { TokenLimits } from "../../dataset/scan/tokenStage";
import { templateById } from "../../dataset/templates/registry";
import type { ServerSettings } from "../../protocol/server";
import { ranges } from "../../run/runSpec";
import { dataSetSettings, readSettings } from "../../server/settings";
import { type CommandContext, numberOption, type OptionSpecs, stringOption, UsageError } from "../command";

/** How rows are written. */
export const choiceOptions: OptionSpecs = {
  "data-format": { type: "string", value: "ID", description: "the rows' format; detected where it is not given" },
  field: {
    type: "string",
    multiple: true,
    value: "PART=PATH",
    description: "where a part of the format stands in a row",
  },
  settings: {
    type: "string",
    value: "JSON",
    description: "the editor's settings checks, dataSets, …; options go before",
  },
};

export const validationOptions: OptionSpecs = {
  format: {
    type: "string",
    value: "text|json|sarif",
    description: "how problems are printed; json: a document a file",
  },
  ...choiceOptions,
  checks: {
    type: "string",
    value: "auto|all|structure",
    description: "auto: texts are checked in files up to 256 MiB",
  },
  check: { type: "string", multiple: true, value: "ID=SEVERITY", description: "error, warning, information or off" },
  "held-out": {
    type: "string",
    value: "FILE",
    description: "rows that must not be trained on; default: found by its name",
  },
  tokenizer: { type: "string", value: "DIR", description: "a model's folder: rows are counted with its tokenizer" },
  "sequence-length": { type: "string", value: "N", description: "a row with more tokens is reported; default 1024" },
  template: { type: "string", value: "ID", description: "how rows are put to the model; default auto" },
  "max-problems": { type: "string", value: "N", description: "problems that are listed; totals are always true" },
  report: { type: "string", value: "FILE.md", description: "a report to read, and FILE.json beside it" },
};

export type OutputFormat = "text" | "json" | "sarif";

export interface ValidationOptions {
  output: OutputFormat;
  scope: CheckScope | "auto";
  severities: Severities;
  mostProblems: number;
  /** Absolute. */
  report: string | null;
  tokens: (TokenLimits & { folder: string }) | null;
  settings: ServerSettings;
}

/** Problems that are listed unless told otherwise. */
const MOST_PROBLEMS: Record<OutputFormat, number> = { text: 1000, json: 100_000, sarif: 100_000 };

export function readValidationOptions(context: CommandContext): ValidationOptions {
  const settings = editorSettings(context);
  const output = choiceOption(context, "format", ["text", "json", "sarif"] as const);
  const named = stringOption(context, "template") ?? "auto";
  const template = named === "auto" ? named : templateById(named).id;
  const folder = stringOption(context, "tokenizer") ?? settings.tokenizerPath;
  const sequenceLength = numberOption(context, "sequence-length", ranges.sequenceLength) ?? settings.sequenceLength;
  return {
    output,
    scope: choiceOption(context, "checks", ["auto", "all", "structure"] as const),
    severities: new Severities({ ...settings.checks, ...checkOptions(context) }),
    mostProblems:
      numberOption(context, "max-problems", { min: 0, max: 1_000_000, whole: true }) ?? MOST_PROBLEMS[output],
    report: reportPath(context),
    tokens:
      folder === null || sequenceLength === 0
        ? null
        : {
            folder: resolve(context.cwd, folder),
            sequenceLength,
            template,
          },
    settings,
  };
}

/** What is known of one file: the options, else the last of the settings' entries whose glob fits it. */
export function fileOptions(context: CommandContext, path: string, { settings }: Pick<ValidationOptions, "settings">) {
  const known = dataSetSettings(settings, path);
  const choice = choiceFor(context, path, settings);
  const named = stringOption(context, "held-out");
  if (named !== undefined) return { choice, heldOut: resolve(context.cwd, named) };
  return { choice, heldOut: known.heldOut === undefined ? undefined : resolve(path, "..", known.heldOut) };
}

export function editorSettings(context: CommandContext): ServerSettings {
  const text = stringOption(context, "settings");
  if (text === undefined) return readSettings({});
  try {
    return readSettings(JSON.parse(text));
  } catch {
    throw new UsageError('--settings must be JSON, such as {"checks": {"refusal": "off"}}.');
  }
}

function choiceOption<T extends string>(context: CommandContext, name: string, known: readonly [T, ...T[]]): T {
  const value = stringOption(context, name) ?? known[0];
  const found = known.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} must be ${known.slice(0, -1).join(", ")} or ${known.at(-1)}, not "${value}".`);
}

/** How a file's rows are written: the options, else the settings. */
export function choiceFor(context: CommandContext, path: string, settings: ServerSettings): DialectChoice {
  const known = dataSetSettings(settings, path);
  const format = stringOption(context, "data-format") ?? known.format ?? "auto";
  const fields = fieldOptions(context);
  return {
    format: format === "auto" ? format : formatById(format).id,
    mapping: Object.keys(fields).length > 0 ? fields : known.fields,
  };
}

function checkOptions(context: CommandContext): Record<string, string> {
  const entries = pairs(context, "check");
  for (const [id, severity] of entries) {
    if (!isCheckId(id)) throw new UsageError(`There is no check "${id}": docs/checks/ lists them.`);
    if (!isSeveritySetting(severity)) {
      throw new UsageError(`--check ${id} must be error, warning, information or off, not "${severity}".`);
    }
  }
  return Object.fromEntries(entries);
}

export function fieldOptions(context: CommandContext): Record<string, string> {
  return Object.fromEntries(pairs(context, "field"));
}

function pairs(context: CommandContext, name: string): [string, string][] {
  const given = context.values[name];
  return (Array.isArray(given) ? given : []).map((word) => {
    const text = String(word);
    const at = text.indexOf("=");
    if (at <= 0 || at === text.length - 1) throw new UsageError(`--${name} must be a pair NAME=VALUE, not "${text}".`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
}

function reportPath(context: CommandContext): string | null {
  const path = stringOption(context, "report");
  if (path === undefined) return null;
  if (!path.endsWith(".md")) throw new UsageError(`--report must name a file that ends with .md, not "${path}".`);
  if (context.positionals.length > 1) throw new UsageError("--report takes one data set: call it for each of them.");
  return resolve(context.cwd, path);
}
