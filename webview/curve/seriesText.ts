/** A run's series in words and figures. */
import type { SeriesName } from "../../src/protocol/curveView";
import { compact, count, loss, memory } from "../figures";
import { t } from "../texts";

export function seriesLabel(name: SeriesName): string {
  const labels: Record<SeriesName, string> = {
    loss: t("Loss"),
    evalLoss: t("Eval loss"),
    learningRate: t("Learning rate"),
    gradientNorm: t("Gradient norm"),
    tokensPerSecond: t("Tokens/s"),
    memory: t("Memory"),
    utilisation: t("Utilisation"),
    temperature: t("Temperature"),
  };
  return labels[name];
}

export function seriesText(name: SeriesName, value: number | null): string {
  if (value === null) return "–";
  switch (name) {
    case "loss":
    case "evalLoss":
      return loss(value);
    case "learningRate":
    case "gradientNorm":
      return short(value);
    case "tokensPerSecond":
      return value >= 100_000 ? compact(value) : count(value);
    case "memory":
      return memory(value);
    case "utilisation":
      return t("{0} %", count(value));
    case "temperature":
      return t("{0} °C", count(value));
  }
}

/** Three digits, however small: "0.0002", "1.5e-7". */
export function short(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 1e-4 || size >= 1e6
    ? value.toExponential(1).replace("e+", "e").replace(".0e", "e")
    : String(Number(value.toPrecision(3)));
}
