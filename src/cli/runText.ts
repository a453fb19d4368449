import type { RunHead } from "../run/runState";

export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "step 120 / 1,000 · loss 1.234 · held-out 1.301 · 2,140 tokens/s · 6 min left" */
export function describeProgress(head: RunHead): string {
  const parts = [`step ${grouped(head.step)} / ${grouped(head.totalSteps)}`];
  if (head.loss !== null) parts.push(`loss ${head.loss.toFixed(3)}`);
  if (head.evalLoss !== null) parts.push(`held-out ${head.evalLoss.toFixed(3)}`);
  if (head.tokensPerSecond !== null) parts.push(`${grouped(head.tokensPerSecond)} tokens/s`);
  if (head.secondsLeft !== null) parts.push(`${describeDuration(head.secondsLeft)} left`);
  return parts.join(" · ");
}

export function describeDuration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** One line of the list of runs. */
export function describeRun(head: RunHead): string {
  switch (head.state) {
    case "failed":
      return head.cause ?? "";
    case "finished":
      return head.evalLoss === null
        ? `step ${grouped(head.step)}`
        : `held-out loss ${head.evalLossBefore?.toFixed(3) ?? "?"} → ${head.evalLoss.toFixed(3)}`;
    case "queued":
    case "preparing":
      return "";
    default:
      return describeProgress(head);
  }
}
