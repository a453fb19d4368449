/** How a run is told from the others: by a colour of the theme and by the dashes of its line. */

export interface LineLook {
  color: string;
  dash: number[];
}

const looks: readonly LineLook[] = [
  { color: "var(--vscode-charts-blue)", dash: [] },
  { color: "var(--vscode-charts-orange)", dash: [8, 4] },
  { color: "var(--vscode-charts-green)", dash: [2, 3] },
  { color: "var(--vscode-charts-purple)", dash: [10, 3, 2, 3] },
  { color: "var(--vscode-charts-red)", dash: [16, 4] },
  { color: "var(--vscode-charts-yellow)", dash: [5, 2] },
  { color: "var(--vscode-foreground)", dash: [1, 5] },
  { color: "var(--vscode-descriptionForeground)", dash: [12, 3, 2, 3, 2, 3] },
];

export function lookOf(slot: number): LineLook {
  return looks[slot % looks.length]!;
}

const SVG = "http://www.w3.org/2000/svg";

/** A piece of the run's line. */
export function swatch(slot: number): SVGSVGElement {
  const { color, dash } = lookOf(slot);
  const picture = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "line");
  for (const [name, value] of Object.entries({ x1: 0, y1: 5, x2: 30, y2: 5, "stroke-width": 2.5 })) {
    line.setAttribute(name, String(value));
  }
  line.style.stroke = color;
  line.style.strokeDasharray = dash.join(" ");
  picture.append(line);
  picture.setAttribute("class", "swatch");
  picture.setAttribute("viewBox", "0 0 30 10");
  picture.setAttribute("aria-hidden", "true");
  return picture;
}
