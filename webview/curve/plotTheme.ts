/** What a chart takes from the page's theme, and how much room its lines get. */

/** Where the axis ends: beyond it, room above the line would be infinite. */
const LARGEST = 1e300;

/** A canvas knows no CSS variables: a probe in the page resolves them. */
export function resolveColor(parent: HTMLElement, value: string): string {
  const probe = document.createElement("span");
  probe.style.color = value;
  parent.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export function chartFont(parent: HTMLElement): string {
  return `11px ${getComputedStyle(parent).fontFamily}`;
}

/** What is drawn is not negative, and a flat line is drawn in the middle. */
export function paddedRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const top = Math.min(high, LARGEST);
  const margin = Math.max((top - low) * 0.08, Math.abs(top) * 0.02) || 1;
  const floor = Math.max(0, low - margin);
  return top + margin > floor ? [floor, top + margin] : [0, 1];
}

export function logRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || low <= 0) return [0.1, 10];
  const margin = Math.max(Math.exp((Math.log(high) - Math.log(low)) * 0.06), 1.01);
  return [low / margin, Math.min(high * margin, LARGEST)];
}

/** About `most` round values between two, evenly spaced on a logarithmic scale. */
export function logTicks(low: number, high: number, most = 6): number[] {
  const [from, to] = [Math.log(low), Math.log(high)];
  const ticks = Array.from({ length: most }, (_, index) => Math.exp(from + ((to - from) * index) / (most - 1)));
  const digits = to - from > Math.LN2 ? 2 : 3;
  const round = ticks.map((tick) => Number(tick.toPrecision(digits)));
  return [...new Set(round)].filter((tick) => tick >= low && tick <= high);
}

/** On a logarithmic scale only what is above 0 has a place. */
export function aboveZero(values: readonly (number | null | undefined)[]): (number | null)[] {
  return values.map((value) => (typeof value === "number" && value > 0 ? value : null));
}
