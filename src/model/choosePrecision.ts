import type { ExportPrecision, PrecisionFigures } from "../protocol/run";
import { LOSS_RISE } from "./parity";

/** By how much slower a higher precision may be than the fastest and still be taken. */
const WORTH_WAITING = 1.1;
const HIGHEST_FIRST: readonly ExportPrecision[] = ["fp32", "int8", "int4"];

/**
 * The fastest precision whose held-out loss rises by 2 % at most, or the highest one that is about as fast. Where nothing
 * was held out, what 4 bits cost is not known, and they are not taken.
 */
export function choosePrecision(figures: readonly PrecisionFigures[]): ExportPrecision {
  const allowed = figures.filter(({ precision, lossRise }) =>
    lossRise === null ? precision !== "int4" : lossRise <= LOSS_RISE.warned || precision === "fp32",
  );
  // Where even 8 bits cost too much: the highest that was made.
  const candidates = allowed.length > 0 ? allowed : highest(figures).slice(0, 1);
  const fastest = Math.min(...candidates.map(({ milliseconds }) => milliseconds));
  return highest(candidates).find(({ milliseconds }) => milliseconds <= WORTH_WAITING * fastest)!.precision;
}

function highest(figures: readonly PrecisionFigures[]): PrecisionFigures[] {
  return HIGHEST_FIRST.flatMap((precision) => figures.filter((figure) => figure.precision === precision));
}

/** A line of the report for each precision, and a warning where 4 bits cost too much. */
export function describeFigures(figures: readonly PrecisionFigures[]): string[] {
  const lines = figures.map(({ precision, bytes, heldOutLoss, lossRise, milliseconds }) => {
    const loss =
      heldOutLoss === null || lossRise === null
        ? "no held-out rows"
        : `held-out loss ${heldOutLoss.toFixed(4)} (${lossRise < 0 ? "" : "+"}${(100 * lossRise).toFixed(2)} %)`;
    return `${precision}: ${loss}, ${Math.round(bytes / 1e6)} MB, ${milliseconds.toFixed(0)} ms a completion`;
  });
  const int4 = figures.find(({ precision }) => precision === "int4");
  if (int4 && (int4.lossRise ?? 0) > LOSS_RISE.warned) {
    lines.push(
      `int4 raises the held-out loss by ${(100 * int4.lossRise!).toFixed(1)} %: what the tuning has taught may be lost in 4 bits.`,
    );
  }
  return lines;
}
