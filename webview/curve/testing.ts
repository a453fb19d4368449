/** For the tests alone. */
import type { CurveMark, CurvePiece, SeriesName } from "../../src/protocol/curveView";
import { packSeries } from "../../src/protocol/seriesPiece";
import type { Point } from "../../src/protocol/webview";

export function pieceOf(
  points: Partial<Record<SeriesName, readonly Point[]>>,
  marks: CurveMark[] = [],
): Pick<CurvePiece, "series" | "marks"> {
  const columns = Object.entries(points).map(([name, list]) => [
    name,
    packSeries(
      list.map(({ step }) => step),
      list.map(({ value }) => value),
    ),
  ]);
  return { series: Object.fromEntries(columns), marks };
}
