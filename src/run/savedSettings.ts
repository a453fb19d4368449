/**
 * Settings that a person keeps under a name: `.tunesmith/settings/NAME.json` in the workspace, or a file that is passed
 * on. They name no model, no data set and no path, so that they mean the same on another machine.
 */

import { lstat, mkdir, readdir, realpath, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import * as v from "valibot";
import { writeAtomically } from "../disk/atomicWrite";
import type { PlanSettings } from "../protocol/planForm";
import { readPlainFile } from "./plainFile";
import { fieldRanges, inRange, type NumberField, standardSettings } from "./planSettings";
import { hasCode, RunError, withFile } from "./runError";
import { describeRange, loraTargets, type Range } from "./runSpec";

export const SETTINGS_VERSION = 1;
const KIND = "tunesmith-settings";
const MAX_BYTES = 64 * 1024;
const MAX_FILES = 100;
const ENDING = ".json";

export interface SavedSettings {
  name: string;
  settings: PlanSettings;
}

/** The settings that a workspace folder keeps. */
export function settingsFolderOf(workspaceFolder: string): string {
  return join(workspaceFolder, ".tunesmith", "settings");
}

/** It becomes a file's name on every system. */
const NAME = /^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]{0,58}[\p{L}\p{N}_-])?$/u;
/** Names that Windows keeps for devices. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

export function isSettingsName(name: string): boolean {
  return NAME.test(name) && !RESERVED.test(name);
}

const within = (range: Range) => {
  const message = `must be ${describeRange(range)}`;
  return v.pipe(
    v.number(message),
    v.check((value) => inRange(value, range), message),
  );
};
const number = (field: NumberField) => within(fieldRanges[field]);
const orAuto = (field: NumberField) => {
  const message = `must be ${describeRange(fieldRanges[field])}, or "auto"`;
  return v.union([v.literal("auto"), number(field)], message);
};
const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) =>
  v.picklist(values, `must be one of ${values.map((value) => `"${value}"`).join(", ")}`);
const flag = v.boolean("must be true or false");
const notAnObject = "must be an object";
const standard = standardSettings();

const settingsSchema = v.strictObject(
  {
    rank: v.optional(number("rank"), standard.rank),
    alpha: v.optional(number("alpha"), standard.alpha),
    dropout: v.optional(number("dropout"), standard.dropout),
    targets: v.optional(
      v.pipe(
        v.array(v.picklist(loraTargets, `must name projections among ${loraTargets.join(", ")}`), "must be a list"),
        v.minLength(1, "must name at least one projection"),
        v.check((targets) => new Set(targets).size === targets.length, "must not name a projection twice"),
      ),
      standard.targets,
    ),
    rankStabilised: v.optional(flag, standard.rankStabilised),
    learningRate: v.optional(number("learningRate"), standard.learningRate),
    schedule: v.optional(oneOf("constant", "linear", "cosine"), standard.schedule),
    warmupSteps: v.optional(number("warmupSteps"), standard.warmupSteps),
    weightDecay: v.optional(number("weightDecay"), standard.weightDecay),
    clipNorm: v.optional(number("clipNorm"), standard.clipNorm),
    length: v.optional(oneOf("epochs", "steps"), standard.length),
    epochs: v.optional(number("epochs"), standard.epochs),
    steps: v.optional(number("steps"), standard.steps),
    sequenceLength: v.optional(number("sequenceLength"), standard.sequenceLength),
    sequencesPerStep: v.optional(number("sequencesPerStep"), standard.sequencesPerStep),
    packing: v.optional(flag, standard.packing),
    seed: v.optional(number("seed"), standard.seed),
    heldOutPercent: v.optional(number("heldOutPercent"), standard.heldOutPercent),
    evalEvery: v.optional(orAuto("evalEvery"), standard.evalEvery),
    checkpointEvery: v.optional(orAuto("checkpointEvery"), standard.checkpointEvery),
    keepCheckpoints: v.optional(number("keepCheckpoints"), standard.keepCheckpoints),
    earlyStopping: v.optional(flag, standard.earlyStopping),
    patience: v.optional(number("patience"), standard.patience),
    minDelta: v.optional(number("minDelta"), standard.minDelta),
    quantization: v.optional(oneOf("none", "nf4"), standard.quantization),
    recompute: v.optional(oneOf("auto", "none", "gate-up", "block"), standard.recompute),
    microBatch: v.optional(orAuto("microBatch"), standard.microBatch),
    device: v.optional(oneOf("auto", "cpu", "cuda"), standard.device),
    memoryLimit: v.optional(orAuto("memoryLimit"), standard.memoryLimit),
  } satisfies Record<keyof PlanSettings, v.GenericSchema>,
  notAnObject,
);

const fileSchema = v.strictObject(
  {
    kind: v.literal(KIND, `must be "${KIND}"`),
    version: v.literal(SETTINGS_VERSION, `must be ${SETTINGS_VERSION}: a newer Tunesmith may have written the file`),
    name: v.pipe(
      v.string("must be a text"),
      v.check(isSettingsName, "must be letters, digits, spaces, dots, hyphens and underscores, at most 60"),
    ),
    settings: settingsSchema,
  },
  notAnObject,
);

/** What a settings file holds; a form's other fields are left out. */
export function formatSettings(name: string, form: PlanSettings): string {
  const names = Object.keys(settingsSchema.entries) as (keyof PlanSettings)[];
  const settings = Object.fromEntries(
    names.map((field) => [field, isRight(field, form[field]) ? form[field] : standard[field]]),
  );
  return `${JSON.stringify({ kind: KIND, version: SETTINGS_VERSION, name, settings }, null, 2)}\n`;
}

/** What does not count at present may hold anything. */
function isRight(field: keyof PlanSettings, value: PlanSettings[keyof PlanSettings]): boolean {
  return typeof value !== "number" || inRange(value, fieldRanges[field as NumberField]);
}

/** Throws one sentence that names `file` and the first wrong field. */
export function parseSettings(text: string, file: string): SavedSettings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RunError(`${file} is not a settings file: it is not valid JSON.`);
  }
  const { success, output, issues } = v.safeParse(fileSchema, value);
  if (!success) throw new RunError(`${file}: ${sentenceOf(issues[0])}`);
  return { name: output.name, settings: output.settings };
}

function sentenceOf(issue: v.BaseIssue<unknown>): string {
  const field = v.getDotPath(issue) ?? "";
  if (issue.type === "strict_object" && issue.expected === "never") return `${field} is not a field of settings.`;
  // Of any other file the first field that it lacks says nothing.
  if (field === "" || field === "kind") return "it is not a settings file; choose one that Export… has written.";
  if (issue.received === "undefined") return `${field} is missing.`;
  return `${field} ${issue.message}, not ${quote(issue.input)}.`;
}

function quote(value: unknown): string {
  const written = JSON.stringify(value) ?? String(value);
  return written.length > 60 ? `${written.slice(0, 60)}…` : written;
}

/** A file that a person has chosen. */
export async function readSettingsFile(file: string): Promise<SavedSettings> {
  try {
    return parseSettings(await readPlainFile(await realpath(file), MAX_BYTES), file);
  } catch (error) {
    throw withFile(error, file);
  }
}

export interface SettingsList {
  /** By name. */
  saved: SavedSettings[];
  /** One sentence for each file that cannot be read. */
  problems: string[];
}

export async function listSettings(folder: string): Promise<SettingsList> {
  const list: SettingsList = { saved: [], problems: [] };
  let names: string[];
  try {
    await requirePlainFolder(folder);
    const files = (await readdir(folder)).filter((file) => file.endsWith(ENDING) && !file.startsWith("."));
    // Without the ending, which would put "Wide 2" before "Wide".
    names = files.map((file) => basename(file, ENDING)).sort();
  } catch (error) {
    if (!hasCode(error, "ENOENT")) list.problems.push(withFile(error, folder).message);
    return list;
  }
  for (const name of names.slice(0, MAX_FILES)) {
    const file = join(folder, name + ENDING);
    try {
      const { settings } = parseSettings(await readPlainFile(file, MAX_BYTES), file);
      // The file's name counts: a copy under another name is another entry.
      if (isSettingsName(name)) list.saved.push({ name, settings });
    } catch (error) {
      list.problems.push(withFile(error, file).message);
    }
  }
  return list;
}

/** Replaces settings of the same name. */
export async function saveSettings(folder: string, name: string, settings: PlanSettings): Promise<string> {
  if (!isSettingsName(name)) throw new RunError(`"${name}" cannot be the name of settings.`);
  const file = join(folder, `${name}${ENDING}`);
  try {
    await requirePlainFolder(folder).catch((error: unknown) => {
      if (!hasCode(error, "ENOENT")) throw error;
    });
    await mkdir(folder, { recursive: true });
    await writeAtomically(file, formatSettings(name, settings));
  } catch (error) {
    throw withFile(error, file);
  }
  return file;
}

export async function deleteSettings(folder: string, name: string): Promise<void> {
  if (!isSettingsName(name)) throw new RunError(`"${name}" cannot be the name of settings.`);
  const file = join(folder, `${name}${ENDING}`);
  try {
    await requirePlainFolder(folder);
    await rm(file);
  } catch (error) {
    throw withFile(error, file);
  }
}

/** A workspace may come from anyone: a link could lead out of it. */
async function requirePlainFolder(folder: string): Promise<void> {
  for (const path of [join(folder, ".."), folder]) {
    if (!(await lstat(path)).isDirectory())
      throw new RunError(`${path} is not a plain folder; settings are not kept there.`);
  }
}
