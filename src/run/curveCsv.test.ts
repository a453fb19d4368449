import { expect, it } from "vitest";
import { curvesAsCsv } from "./curveCsv";
import { RunHistory } from "./runHistory";

it("writes every step of every series once, in order, with gaps where there is no value", () => {
  const { series } = new RunHistory();
  series.evalLoss.add(0, 3);
  for (let step = 1; step <= 5000; step++) series.loss.add(step, step / 2);
  series.memory.add(2, 1e9);
  series.evalLoss.add(5001, 1.5);
  const slices = [...curvesAsCsv({ series })];
  const text = slices.map((slice) => slice.text).join("");
  const rows = slices.reduce((sum, slice) => sum + slice.rows, 0);
  expect(Math.max(...slices.map((slice) => slice.rows))).toBeLessThanOrEqual(500);
  const lines = text.split("\n");
  expect(lines[0]).toBe(
    "step,loss,eval_loss,learning_rate,gradient_norm,tokens_per_second,memory_bytes,utilisation_percent,temperature_celsius",
  );
  expect(rows).toBe(5002);
  expect(lines.slice(1, 4)).toEqual(["0,,3,,,,,,", "1,0.5,,,,,,,", "2,1,,,,,1000000000,,"]);
  expect(lines.slice(1, -1).map((line) => Number(line.split(",")[0]))).toEqual(
    Array.from({ length: 5002 }, (_, i) => i),
  );
  expect(lines.at(-2)).toBe("5001,,1.5,,,,,,");
  expect(lines.at(-1)).toBe("");
});
