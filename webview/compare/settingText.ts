/** Settings in words that a person knows. */
import type { SettingKey, SettingValue } from "../../src/protocol/compareView";
import { count, fileName, memory } from "../figures";
import { t } from "../texts";

export function settingName(key: SettingKey): string {
  const names: Record<SettingKey, string> = {
    "model.path": t("Base model"),
    "model.quantization": t("Frozen weights"),
    "model.adapter": t("Starts from the adapter"),
    "parent.run": t("Goes on from the run"),
    "parent.step": t("Goes on from step"),
    "dataset.path": t("Data set"),
    "dataset.contents": t("Contents of the data set"),
    "dataset.format": t("Format"),
    "dataset.fields": t("Fields"),
    "dataset.weight": t("Weight"),
    "dataset.mixture": t("More data sets"),
    "dataset.mixture.weight": t("Their weights"),
    "dataset.completion.share": t("Share for completion"),
    "dataset.completion.from": t("Completion learned from"),
    "dataset.template": t("Template"),
    "dataset.heldOut.kind": t("Held-out rows"),
    "dataset.heldOut.fraction": t("Held-out share"),
    "dataset.heldOut.by": t("Held out by"),
    "dataset.heldOut.path": t("Held-out file"),
    "dataset.maxTrainRows": t("Most rows to train on"),
    "dataset.maxEvalRows": t("Most held-out rows"),
    "dataset.packing": t("Packing"),
    sequenceLength: t("Sequence length"),
    "lora.rank": t("Rank"),
    "lora.alpha": t("Alpha"),
    "lora.targets": t("Tuned projections"),
    "lora.dropout": t("Dropout"),
    "lora.rankStabilised": t("Rank-stabilised scaling"),
    "optimizer.learningRate": t("Learning rate"),
    "optimizer.schedule": t("Schedule"),
    "optimizer.warmupSteps": t("Warm-up steps"),
    "optimizer.weightDecay": t("Weight decay"),
    "optimizer.clipNorm": t("Gradient clipping"),
    "optimizer.beta1": t("Adam, beta 1"),
    "optimizer.beta2": t("Adam, beta 2"),
    "optimizer.epsilon": t("Adam, epsilon"),
    "training.steps": t("Steps"),
    "training.epochs": t("Passes over the data"),
    "training.sequencesPerStep": t("Sequences per step"),
    "training.microBatch": t("Sequences computed at once"),
    "training.evalEvery": t("Evaluate every"),
    "training.checkpointEvery": t("Checkpoint every"),
    "training.keepCheckpoints": t("Checkpoints kept"),
    "training.earlyStopping.patience": t("Early stopping after"),
    "training.earlyStopping.minDelta": t("Smallest gain"),
    "training.seed": t("Seed"),
    "training.recompute": t("Recompute"),
    device: t("Device"),
    threads: t("Threads"),
    memoryBudget: t("Memory limit"),
  };
  return names[key];
}

export interface SettingText {
  text: string;
  /** All of it, where the text is shortened. */
  full: string | null;
}

/** A value as one reads it. `others`: the setting's values in the other runs, which it must not be taken for. */
export function settingText(key: SettingKey, value: SettingValue, others: readonly SettingValue[]): SettingText {
  if (value === null) return plain(unset(key));
  switch (key) {
    case "model.quantization":
      return plain(value === "none" ? t("As they are") : word(String(value)));
    case "model.path":
    case "model.adapter":
    case "dataset.path":
    case "dataset.heldOut.path":
      return pathText(String(value), others);
    case "dataset.contents":
      return { text: String(value).slice(0, 12), full: t("SHA-256: {0}", String(value)) };
    case "dataset.heldOut.fraction":
      return plain(t("{0} %", Number((Number(value) * 100).toPrecision(6))));
    case "training.evalEvery":
    case "training.checkpointEvery":
      return plain(value === 0 ? t("Never") : t("{0} steps", count(Number(value))));
    case "training.earlyStopping.patience":
      return plain(t("{0} evaluations", count(Number(value))));
    case "optimizer.clipNorm":
      return plain(value === 0 ? t("Off") : String(value));
    case "threads":
      return plain(value === 0 ? t("All cores") : count(Number(value)));
    case "memoryBudget":
      return plain(memory(Number(value)));
    default:
      return plain(typeof value === "number" ? numberText(value) : word(value));
  }
}

const plain = (text: string): SettingText => ({ text, full: null });

/** Whole numbers by thousands; the rest as it was written. */
function numberText(value: number): string {
  return Number.isInteger(value) ? count(value) : String(value);
}

function pathText(path: string, others: readonly SettingValue[]): SettingText {
  const name = fileName(path);
  const mistaken = others.some((other) => typeof other === "string" && other !== path && fileName(other) === name);
  return mistaken ? plain(path) : { text: name, full: path };
}

/** What Tunesmith does where nothing is set. */
function unset(key: SettingKey): string {
  switch (key) {
    case "training.microBatch":
      return t("Automatic");
    case "dataset.maxTrainRows":
    case "dataset.maxEvalRows":
      return t("All");
    case "memoryBudget":
      return t("What is free");
    case "training.earlyStopping.patience":
      return t("Off");
    default:
      return "–";
  }
}

/** The words that run.json has for choices. */
function word(value: string): string {
  switch (value) {
    case "auto":
      return t("Automatic");
    case "none":
      return t("None");
    case "nf4":
      return t("4 bits (NF4)");
    case "fraction":
      return t("A share of the rows");
    case "file":
      return t("A file");
    case "row":
      return t("Row");
    case "source":
      return t("Source");
    case "constant":
      return t("Constant");
    case "linear":
      return t("Linear");
    case "cosine":
      return t("Cosine");
    case "on":
      return t("On");
    case "off":
      return t("Off");
    case "cpu":
      return t("CPU");
    case "cuda":
      return t("GPU");
    default:
      return value;
  }
}
