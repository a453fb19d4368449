/** What happened in a run, each kind by a shape of its own: on the curve, in its legend and in words. */
import type { CurveMark, MarkKind } from "../../src/protocol/curveView";
import { element } from "../dom";
import { t } from "../texts";

/** Paths in a box of 10 × 10. */
const shapes: Record<MarkKind, string> = {
  checkpoint: "M5 0 L10 5 L5 10 L0 5 Z",
  best: "M5 0 L6.5 3.4 L10 3.8 L7.4 6.2 L8.1 10 L5 8 L1.9 10 L2.6 6.2 L0 3.8 L3.5 3.4 Z",
  paused: "M1 0 H4 V10 H1 Z M6 0 H9 V10 H6 Z",
  resumed: "M1 0 L10 5 L1 10 Z",
  attempt: "M0 0 H10 V3 H3 V10 H0 Z",
  "learning-rate": "M5 0 L9.5 4.2 H0.5 Z M5 10 L0.5 5.8 H9.5 Z",
  warning: "M5 0 L10 10 H0 Z",
};

const colors: Record<MarkKind, string> = {
  checkpoint: "var(--vscode-descriptionForeground)",
  best: "var(--vscode-charts-green)",
  paused: "var(--vscode-charts-purple)",
  resumed: "var(--vscode-charts-purple)",
  attempt: "var(--vscode-charts-purple)",
  "learning-rate": "var(--vscode-charts-red)",
  warning: "var(--vscode-editorWarning-foreground, var(--vscode-charts-yellow))",
};

export const markKinds = Object.keys(shapes) as MarkKind[];

export function markColor(kind: MarkKind): string {
  return colors[kind];
}

/** Those between two pixels; of a kind one to each `size` pixels: of those that lie on one another only one is seen. */
export function marksToDraw(
  marks: readonly CurveMark[],
  pixelOf: (step: number) => number,
  [from, to]: readonly [number, number],
  size: number,
): { kind: MarkKind; pixel: number }[] {
  const taken = new Set<string>();
  return marks.flatMap(({ kind, step }) => {
    const pixel = Math.round(pixelOf(step));
    const key = `${kind} ${Math.floor(pixel / size)}`;
    // The best is the last that was called so.
    if (kind === "best" || pixel < from || pixel > to || taken.has(key)) return [];
    taken.add(key);
    return [{ kind, pixel }];
  });
}

/** Draws a mark around a place; all in pixels of the canvas. */
export function drawMark(ctx: CanvasRenderingContext2D, kind: MarkKind, x: number, y: number, size: number): void {
  ctx.save();
  ctx.translate(x - size / 2, y - size / 2);
  ctx.scale(size / 10, size / 10);
  ctx.fill(new Path2D(shapes[kind]));
  ctx.restore();
}

export function markName(kind: MarkKind): string {
  const names: Record<MarkKind, string> = {
    checkpoint: t("checkpoint"),
    best: t("best eval loss"),
    paused: t("paused"),
    resumed: t("continued"),
    attempt: t("started again"),
    "learning-rate": t("learning rate changed"),
    warning: t("warning"),
  };
  return names[kind];
}

/** "checkpoint", "learning rate changed to 0.0001" */
export function markText({ kind, best, text }: CurveMark): string {
  if (kind === "checkpoint" && best) return t("checkpoint, the best so far");
  if (kind === "learning-rate" && text !== undefined) return t("learning rate changed to {0}", text);
  if (kind === "warning" && text !== undefined) return t("warning: {0}", text);
  return markName(kind);
}

const SVG = "http://www.w3.org/2000/svg";

export function markEntry(kind: MarkKind): HTMLElement {
  const picture = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", shapes[kind]);
  path.style.fill = colors[kind];
  picture.append(path);
  picture.setAttribute("viewBox", "0 0 10 10");
  picture.setAttribute("class", "mark-swatch");
  picture.setAttribute("aria-hidden", "true");
  const entry = element("span", { class: "legend-entry" }, markName(kind));
  entry.prepend(picture);
  return entry;
}
