import type { RunSpec } from "../protocol/run";

/** Those that leave the result of a step as it is: run.json may change them (settings_of in native/src/run/run_spec.cpp). */
const FREE = new Set([
  "training.evalEvery",
  "training.checkpointEvery",
  "training.keepCheckpoints",
  "training.earlyStopping",
  "training.recompute",
]);
/** The parts of run.json that a checkpoint holds the settings of. */
const PARTS = ["sequenceLength", "lora", "optimizer", "training"];
const MAX_SHOWN = 60;

type Fields = Record<string, unknown>;

/**
 * Every setting of a checkpoint that run.json has another value for, a sentence each. `then`: "settings" of state.json;
 * `now`: run.json.
 */
export function settingChanges(then: Readonly<Fields>, now: Readonly<Fields> | undefined): string[] {
  if (now === undefined) return ["run.json cannot be read."];
  return [
    ...PARTS.flatMap((part) => differences(then[part], now[part], part)),
    ...differences(quantizationOf(then), quantizationOf(now), "model.quantization"),
    ...differences(adapterOf(then), adapterOf(now), "model.adapter"),
  ];
}

/**
 * What of run.json decides which rows a run learns, beside the files that they come from: noted when the rows are
 * prepared. Nothing is left out, so that a setting that is taken back to its default differs from none.
 */
export function dataSettings({ dataset, sequenceLength, training }: RunSpec): Fields {
  const { format, fields, weight, completion, mixture, template, heldOut, maxTrainRows, maxEvalRows, packing } =
    dataset;
  return {
    sequenceLength,
    training: { seed: training.seed },
    dataset: {
      format,
      fields: fields ?? {},
      weight: weight ?? 1,
      mixture: (mixture ?? []).map((other) => ({
        format: other.format,
        fields: other.fields ?? {},
        weight: other.weight,
      })),
      completion: completion ?? null,
      template,
      heldOut: heldOut.kind === "file" ? { kind: heldOut.kind } : heldOut,
      maxTrainRows,
      maxEvalRows,
      // Only where it is off: records of before there was the choice do not have it.
      ...(packing === false ? { packing } : {}),
    },
  };
}

/** Every one of them that has another value now, a sentence each. `then`: as dataSettings gave them. */
export function dataSettingChanges(then: Readonly<Fields>, spec: RunSpec): string[] {
  const now = dataSettings(spec);
  // What a later version notes besides was not noted then.
  return Object.keys(then).flatMap((part) => differences(then[part], own(now, part), part));
}

/** Left out where it is "none", and in what is older than the choice. */
function quantizationOf({ model }: Readonly<Fields>): unknown {
  return isObject(model) ? (model.quantization ?? "none") : "none";
}

/** Where training started from; undefined: from a fresh adapter. */
function adapterOf({ model }: Readonly<Fields>): unknown {
  return isObject(model) ? model.adapter : undefined;
}

function differences(then: unknown, now: unknown, name: string): string[] {
  if (FREE.has(name)) return [];
  if (isObject(then) && isObject(now)) {
    const keys = [...new Set([...Object.keys(then), ...Object.keys(now)])];
    return keys.flatMap((key) => differences(own(then, key), own(now, key), `${name}.${key}`));
  }
  if (Array.isArray(then) && Array.isArray(now) && then.length === now.length && then.some(isObject)) {
    return then.flatMap((value, index) => differences(value, now[index], `${name}.${index}`));
  }
  if (JSON.stringify(then) === JSON.stringify(now)) return [];
  return [`${name} was ${shown(then)} and is ${shown(now)} in run.json.`];
}

const own = (fields: Fields, key: string) => (Object.hasOwn(fields, key) ? fields[key] : undefined);

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (value === undefined) return "not set";
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
