/** The state of a run as every view shows it. */
import type { RunHead, RunState } from "../src/protocol/webview";
import { icon } from "./dom";
import { t } from "./texts";

const stateIcons: Record<RunState, string> = {
  queued: "circle-outline",
  preparing: "loading",
  running: "loading",
  paused: "debug-pause",
  stopped: "stop-circle",
  failed: "error",
  finished: "pass",
};

/** It turns while the run is at work. */
export function stateIcon(state: RunState): HTMLElement {
  const spins = state === "running" || state === "preparing" ? "codicon-modifier-spin" : "";
  return icon(stateIcons[state], spins);
}

export function stateText(state: RunState): string {
  const texts: Record<RunState, string> = {
    queued: t("Not started"),
    preparing: t("Preparing"),
    running: t("Running"),
    paused: t("Paused"),
    stopped: t("Stopped"),
    failed: t("Failed"),
    finished: t("Finished"),
  };
  return texts[state];
}

/** How far the preparation of the run's data is; null where it is not being prepared. */
export function preparationText({ preparation }: RunHead): string | null {
  if (preparation === null) return null;
  if (!preparation.here) return t("Another window or program prepares this run; stop it there.");
  const { stage, fraction } = preparation;
  return fraction === null ? stage : t("{0} {1} %", stage, Math.floor(fraction * 100));
}

export function isPreparedElsewhere({ preparation }: RunHead): boolean {
  return preparation?.here === false;
}
