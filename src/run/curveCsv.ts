import { setImmediate as nextTurn } from "node:timers/promises";
import type { SeriesName } from "../protocol/curveView";
import type { RunHistory } from "./runHistory";

/** Rows made in one go: a run of 100,000 steps must not hold the extension host up. */
const SLICE = 2000;

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

/** All series by step, comma-separated with a header; empty where a series has no value at a step. `rows` without it. */
export async function curvesAsCsv({ series }: Pick<RunHistory, "series">): Promise<{ text: string; rows: number }> {
  // Columns as they are now: the run may go on, or start over, in between.
  const all = columns.map(([name]) => ({ steps: [...series[name].steps], values: [...series[name].values], next: 0 }));
  const slices = [`step,${columns.map(([, title]) => title).join(",")}\n`];
  let rows = 0;
  for (;;) {
    const lines: string[] = [];
    while (lines.length < SLICE) {
      const step = Math.min(...all.map(({ steps, next }) => steps[next] ?? Number.POSITIVE_INFINITY));
      if (step === Number.POSITIVE_INFINITY) break;
      const cells = all.map((column) => (column.steps[column.next] === step ? column.values[column.next++]! : ""));
      lines.push(`${step},${cells.join(",")}\n`);
    }
    slices.push(lines.join(""));
    rows += lines.length;
    if (lines.length < SLICE) return { text: slices.join(""), rows };
    await nextTurn();
  }
}
