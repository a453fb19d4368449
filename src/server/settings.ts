/** The section `tunesmith` as the server uses it. What a client sends is checked, never trusted. */

import { fileURLToPath } from "node:url";
import { matchesGlob } from "../disk/globs";
import type { DataSetSettings, ServerSettings } from "../protocol/server";

export const DEFAULT_SETTINGS: ServerSettings = { sequenceLength: 1024, tokenizerPath: null, checks: {}, dataSets: {} };

/** `sent`: the section's content; whatever does not fit is taken from the defaults. */
export function readSettings(sent: unknown): ServerSettings {
  const { sequenceLength, tokenizerPath, defaultModel, checks, dataSets } = record(sent);
  return {
    sequenceLength:
      typeof sequenceLength === "number" && Number.isInteger(sequenceLength) && sequenceLength >= 0
        ? sequenceLength
        : DEFAULT_SETTINGS.sequenceLength,
    tokenizerPath: folder(typeof tokenizerPath === "string" ? tokenizerPath : defaultModel),
    checks: texts(checks),
    dataSets: Object.fromEntries(Object.entries(record(dataSets)).map(([glob, value]) => [glob, dataSet(value)])),
  };
}

/** What the settings say of one file: of the entries whose glob fits, the last. */
export function dataSetSettings({ dataSets }: ServerSettings, uriOrPath: string): DataSetSettings {
  const path = uriOrPath.startsWith("file:") ? fileURLToPath(uriOrPath) : uriOrPath;
  const fitting = Object.entries(dataSets).filter(([glob]) => matchesGlob(path, glob));
  return fitting.at(-1)?.[1] ?? {};
}

/** A text turns measuring off by being empty. */
function folder(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function dataSet(value: unknown): DataSetSettings {
  const { format, fields, heldOut } = record(value);
  const settings: DataSetSettings = {};
  if (typeof format === "string") settings.format = format;
  if (fields !== undefined) settings.fields = texts(fields);
  if (typeof heldOut === "string") settings.heldOut = heldOut;
  return settings;
}

function texts(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record(value)).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function record(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === "object" ? { ...value } : {};
}
