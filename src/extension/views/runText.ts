import * as vscode from "vscode";
import type { RunHead } from "../../run/runState";
import { count, duration, loss, percent } from "../figures";
import type { QueuePlace } from "../runs/runQueue";

/** What a run is doing or has come to, in a few words. */
export function describeRun(head: RunHead): string {
  const { state, step, totalSteps, evalLoss } = head;
  switch (state) {
    case "queued":
      return vscode.l10n.t("not started");
    case "preparing":
      return preparing(head) + silence(head);
    case "running":
      return vscode.l10n.t("{0} %{1}", percent(step, totalSteps), left(head)) + silence(head);
    case "paused":
      return vscode.l10n.t("paused at step {0}", count(step)) + silence(head);
    case "stopped":
      return vscode.l10n.t("stopped at step {0} of {1}", count(step), count(totalSteps));
    case "failed":
      return vscode.l10n.t("failed: {0}", head.cause ?? vscode.l10n.t("see the log"));
    case "finished":
      return evalLoss === null ? vscode.l10n.t("finished") : vscode.l10n.t("eval loss {0}", loss(evalLoss));
  }
}

function preparing({ preparation }: RunHead): string {
  if (preparation === null) return vscode.l10n.t("preparing");
  if (!preparation.here) return vscode.l10n.t("prepared by another window");
  const { stage, fraction } = preparation;
  return fraction === null ? stage : vscode.l10n.t("{0} {1} %", stage, percent(fraction, 1));
}

/** " · silent for 30 s", of an engine that hangs; else nothing. */
export function silence({ silentSeconds }: RunHead): string {
  return silentSeconds === null ? "" : ` · ${vscode.l10n.t("silent for {0}", duration(silentSeconds))}`;
}

/** Where a run stands in the queue. */
export function describePlace({ place, waitsFor }: QueuePlace): string {
  if (waitsFor === null) return vscode.l10n.t("starts in a moment");
  const first = describeAhead(waitsFor);
  if (place === 1) return vscode.l10n.t("next: waits for {0}", first);
  return vscode.l10n.t("{0} in the queue: waits for {1}", count(place), first);
}

/** The run that one waits for, and where it is where this window does not show it. */
export function describeAhead({ name, folder }: NonNullable<QueuePlace["waitsFor"]>): string {
  return folder === null ? name : vscode.l10n.t("{0} in {1}", name, folder);
}

function left({ secondsLeft }: RunHead): string {
  return secondsLeft === null ? "" : ` · ${vscode.l10n.t("{0} left", duration(secondsLeft))}`;
}

/** "eval loss 2.310 → 1.870, 19 % lower" */
export function describeGain(before: number, after: number): string {
  const change = Math.abs(1 - after / before) * 100;
  const words =
    after <= before
      ? vscode.l10n.t("{0} % lower", change.toFixed(0))
      : vscode.l10n.t("{0} % higher", change.toFixed(0));
  return vscode.l10n.t("eval loss {0} → {1}, {2}", loss(before), loss(after), words);
}
