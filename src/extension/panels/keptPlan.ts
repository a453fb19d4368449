import type { RunSpec } from "../../protocol/run";
import type { RunPanelState } from "../../protocol/webview";

type KeptPlan = Extract<RunPanelState, { kind: "plan" }>;
type Made = Pick<RunSpec, "name" | "createdAt" | "parent"> & { dataset: Pick<RunSpec["dataset"], "path"> };

/** Whether a plan that a page has kept was started as this run since: any other run leaves what was filled in alone. */
export function hasBecome({ dataset, form, keptAt }: KeptPlan, run: Made): boolean {
  if (form === null || keptAt === undefined || run.parent !== undefined) return false;
  return run.dataset.path === dataset && run.name === form.name.trim() && Date.parse(run.createdAt) >= keptAt;
}
