import type { EvaluationReport, ModelFigures, Share } from "../../protocol/evaluation";

/** "Held-out loss 2.31 → 1.20; stops by itself 2 of 50 → 48 of 50; …": what has changed, in the order of its weight. */
export function reportSentence({ base, tuned }: Pick<EvaluationReport, "base" | "tuned">): string {
  const loss = `Held-out loss ${base.loss.toFixed(3)} → ${tuned.loss.toFixed(3)}`;
  const shares = (
    [
      ["tests passed", ({ passed }) => passed],
      ["stops by itself", ({ ended }) => ended],
      ["parses", ({ parses }) => parses],
      ["exact", ({ exact }) => exact],
    ] satisfies [string, (figures: ModelFigures) => Share | null][]
  ).flatMap(([label, of]) => changed(label, of(base), of(tuned)));
  return `${[loss, ...shares].join("; ")}.`;
}

function changed(label: string, before: Share | null, after: Share | null): string[] {
  if (before === null || after === null || after.of === 0) return [];
  return [`${label} ${before.count} → ${after.count} of ${after.of}`];
}
