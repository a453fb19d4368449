/** What a chart takes from the page's theme, and how much room its lines get. */

/** Where the axis ends: beyond it, room above the line would be infinite. */
export const LARGEST = 1e300;

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

/** Losses are not negative, and a flat line is drawn in the middle. */
export function paddedRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const top = Math.min(high, LARGEST);
  const margin = Math.max((top - low) * 0.08, 0.01);
  return [Math.max(0, low - margin), top + margin];
}
