import type { SeriesName } from "../protocol/curveView";
import type { RunHistory } from "./runHistory";

/** Rows made in one go: a run of 100,000 steps must not hold the extension host up. */
const SLICE = 500;

const columns: readonly (readonly [SeriesName, string])[] = [
  ["loss", "loss"],
  ["evalLoss", "eval_loss"],
  ["learningRate", "learning_rate"],
  ["gradientNorm", "gradient_norm"],
  ["tokensPerSecond", "tokens_per_second"],
  ["memory", "memory_bytes"],
  ["utilisation", "utilisation_percent"],
  ["temperature", "temperature_celsius"],
];

export interface CsvSlice {
  text: string;
  rows: number;
}

/**
 * All series by step, comma-separated: a header, then slices of some hundred rows, with nothing where a series has no
 * value at a step. A run that goes on meanwhile is written as far as it has come.
 */
export function* curvesAsCsv({ series }: Pick<RunHistory, "series">): Generator<CsvSlice> {
  const all = columns.map(([name]) => ({ series: series[name], next: 0 }));
  yield { text: `step,${columns.map(([, title]) => title).join(",")}\n`, rows: 0 };
  for (;;) {
    let text = "";
    let rows = 0;
    for (; rows < SLICE; rows++) {
      let step = Number.POSITIVE_INFINITY;
      for (const { series, next } of all) if (next < series.length) step = Math.min(step, series.steps[next]!);
      if (step === Number.POSITIVE_INFINITY) break;
      text += step;
      for (const column of all) {
        const { series, next } = column;
        const has = next < series.length && series.steps[next] === step;
        text += has ? `,${series.values[column.next++]}` : ",";
      }
      text += "\n";
    }
    if (rows === 0) return;
    yield { text, rows };
  }
}
