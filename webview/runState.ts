/** The state of a run as every view shows it. */
import type { RunState } from "../src/protocol/webview";
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
