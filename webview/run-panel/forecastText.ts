/** A forecast in words: where its figures come from, and what the buttons beside it change. */
import type { MeasuringStage, SettingChange } from "../../src/protocol/engine";
import type { ForecastAdvice, ForecastFix, RunForecast } from "../../src/protocol/forecastView";
import { count, duration, memory } from "../figures";
import { t } from "../texts";
import { describeTime } from "./deviceText";

/** An item below this would be shown as none. */
const LEAST_SECONDS = 0.5;

/** Why it is so much memory: one line an item, the largest first. */
export function memoryReasons(forecast: RunForecast): string[] {
  const items: [string, number][] = [
    [t("Weights of the base model: {0}", memory(forecast.weightBytes)), forecast.weightBytes],
    [t("Adapter with gradient and moments: {0}", memory(forecast.adapterBytes)), forecast.adapterBytes],
    [t("Activations kept for the backward pass: {0}", memory(forecast.savedBytes)), forecast.savedBytes],
    [t("Activations at work: {0}", memory(forecast.workingBytes)), forecast.workingBytes],
    [t("Logits: {0}", memory(forecast.headBytes)), forecast.headBytes],
    [t("Scratch: {0}", memory(forecast.scratchBytes)), forecast.scratchBytes],
  ];
  const lines = items
    .filter(([, bytes]) => bytes > 0)
    .sort(([, left], [, right]) => right - left)
    .map(([line]) => line);
  lines.push(howItIsComputed(forecast));
  if (forecast.measuredBytes !== undefined)
    lines.unshift(t("By the plan at most {0}:", memory(forecast.forecastBytes)));
  return lines;
}

function howItIsComputed({ microBatch, recompute }: RunForecast): string {
  switch (recompute) {
    case "none":
      return t("{0} sequences at once, nothing recomputed", count(microBatch));
    case "gate-up":
      return t("{0} sequences at once, the feed-forward part recomputed", count(microBatch));
    case "block":
      return t("{0} sequences at once, whole blocks recomputed", count(microBatch));
  }
}

/** Why it takes so long: one line an item. */
export function timeReasons(forecast: RunForecast): string[] {
  const items: [string, number][] = [
    [t("Training: {0}", duration(forecast.trainingSeconds)), forecast.trainingSeconds],
    [t("Evaluations: {0}", duration(forecast.evaluationSeconds)), forecast.evaluationSeconds],
    [t("Answers to pinned prompts: {0}", duration(forecast.answerSeconds)), forecast.answerSeconds],
    [t("Checkpoints: {0}", duration(forecast.checkpointSeconds)), forecast.checkpointSeconds],
    [t("Loading: {0}", duration(forecast.startSeconds)), forecast.startSeconds],
  ];
  const lines = items.filter(([, seconds]) => seconds >= LEAST_SECONDS).map(([line]) => line);
  return [...lines, t("{0} steps, {1} tokens", count(forecast.steps), count(forecast.tokens)), speedReason(forecast)];
}

/** How the speed is known. */
export function speedReason({ calibrated, measured, tokensPerSecond }: RunForecast): string {
  const speed = count(tokensPerSecond);
  if (calibrated) return t("{0} tokens/s, measured in a dry run.", speed);
  if (measured) return t("{0} tokens/s, by the last run with this model here.", speed);
  return t("{0} tokens/s by arithmetic: no run with this model has finished here yet.", speed);
}

export function shareReasons({ trainableParameters, parameters }: RunForecast): string[] {
  return [t("{0} of {1} parameters: the adapter's alone", count(trainableParameters), count(parameters))];
}

/** What a dry run is at. */
export function describeStage(stage: MeasuringStage): string {
  switch (stage) {
    case "loading":
      return t("Loading the model");
    case "steps":
      return t("Computing steps");
    case "evaluation":
      return t("Evaluating");
    case "checkpoint":
      return t("Writing a checkpoint");
  }
}

/** "4-bit weights: 3.1 GB" */
export function describeFix({ changes, bytes }: ForecastFix): string {
  const what = describeChanges(changes);
  // A limit is a figure itself.
  return changes.some(({ field }) => field === "memoryBudget") ? what : t("{0}: {1}", what, memory(bytes));
}

/** What a button sets; what it only sets free goes without saying, unless that is all. */
export function describeChanges(changes: readonly SettingChange[]): string {
  const told = changes.filter(({ value }) => value !== null && value !== "auto");
  return (told.length > 0 ? told : changes).map(describeChange).join(" + ");
}

function describeChange(change: SettingChange): string {
  switch (change.field) {
    case "training.recompute":
      if (change.value === "block") return t("Recompute whole blocks");
      return change.value === "auto" ? t("Recompute as needed") : t("Recompute: {0}", change.value);
    case "training.microBatch":
      if (change.value === null) return t("As many sequences at once as fit");
      return change.value === 1 ? t("One sequence at once") : t("{0} sequences at once", count(change.value));
    case "model.quantization":
      return change.value === "nf4" ? t("4-bit weights") : t("Weights as they are");
    case "sequenceLength":
      return t("Sequences of {0} tokens", count(change.value));
    case "lora.rank":
      return t("Rank {0}", count(change.value));
    case "memoryBudget":
      return t("Memory limit of {0}", memory(change.value));
    case "training.epochs":
      return change.value === 1 ? t("One pass over the data") : t("{0} passes over the data", change.value);
    case "training.steps":
      return change.value === 1 ? t("One step") : t("{0} steps", count(change.value));
  }
}

export function describeAdvice(advice: ForecastAdvice): string {
  switch (advice.kind) {
    case "long":
      return t("The run would take {0}.", describeTime(advice.seconds));
    case "over-length": {
      const percent = Math.max(1, Math.round((advice.rows / Math.max(1, advice.of)) * 100));
      return t(
        "{0} of {1} rows ({2} %) are longer than a sequence and are not learned from.",
        count(advice.rows),
        count(advice.of),
        percent,
      );
    }
  }
}
