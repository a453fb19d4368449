/** A histogram as bars: every bin has the same width, so that the axis is nearly logarithmic. All shares are 0 to 1. */
import type { LengthBin } from "../../src/protocol/datasetView";

export interface LengthBar extends LengthBin {
  /** Of the chart's width. */
  left: number;
  width: number;
  /** Of the chart's height. */
  height: number;
  /** The share of its width, from the right, that lies beyond the limit. */
  beyond: number;
}

export interface Tick {
  value: number;
  at: number;
}

/** `limit`: the greatest length that is not too long, a whole number; null: there is none. */
export function lengthBars(histogram: readonly LengthBin[], limit: number | null): LengthBar[] {
  const top = topOf(histogram);
  return histogram.map((bin, index) => ({
    ...bin,
    left: index / histogram.length,
    width: 1 / histogram.length,
    height: bin.rows / top,
    beyond: limit === null ? 0 : 1 - shareBelow(bin, limit + 1),
  }));
}

/** Where a length lies along the axis; null where it lies beyond either end. */
export function placeOf(histogram: readonly LengthBin[], length: number): number | null {
  const index = histogram.findIndex(({ from, to }) => from <= length && length < to);
  if (index < 0) return null;
  return (index + shareBelow(histogram[index]!, length)) / histogram.length;
}

/** How much of a bin's width lies before a length. */
function shareBelow({ from, to }: LengthBin, length: number): number {
  if (length <= from || length >= to) return length <= from ? 0 : 1;
  return from === 0 ? length / to : Math.log(length / from) / Math.log(to / from);
}

/** At most `most` edges: all of them, else those that begin with 1, 2 or 5, else those that begin a decade. */
export function lengthTicks(histogram: readonly LengthBin[], most: number): Tick[] {
  const last = histogram.at(-1);
  if (last === undefined) return [];
  const edges = [...histogram.map(({ from }) => from), last.to];
  const ticks = edges.map((value, index) => ({ value, at: index / histogram.length }));
  if (ticks.length <= most) return ticks;
  const round = ticks.filter(({ value }) => /^[125]?0*$/.test(String(value)));
  if (round.length <= most && round.length > 1) return round;
  const decades = ticks.filter(({ value }) => /^10*$|^0$/.test(String(value)));
  const few = decades.length > 1 ? decades : round.length > 1 ? round : ticks;
  const step = Math.ceil(few.length / most);
  return few.filter((_, index) => index % step === 0);
}

/** 0, the half and the top of the rows' axis. */
export function rowTicks(histogram: readonly LengthBin[]): Tick[] {
  const top = topOf(histogram);
  return top === 1 ? [0, 1].map(tick) : [0, top / 2, top].map(tick);

  function tick(value: number): Tick {
    return { value, at: value / top };
  }
}

/** A round, even number of rows that no bin exceeds. */
function topOf(histogram: readonly LengthBin[]): number {
  const most = histogram.reduce((greatest, { rows }) => Math.max(greatest, rows), 0);
  if (most <= 1) return 1;
  const decade = 10 ** Math.floor(Math.log10(most));
  const round = [1, 1.2, 1.6, 2, 3, 4, 6, 8, 10].map((factor) => Math.ceil(factor * decade));
  return round.find((value) => value >= most && value % 2 === 0) ?? most + (most % 2);
}
