/** The run panel as a test sees it. */
import type { Frame } from "playwright-core";
import type { RunState } from "../../src/protocol/webview";
import type { Workbench } from "./workbench";

const PAGE = "[data-view='run-panel']";

/**
 * The page of the run that is called so. Without a name any that is in sight: for where no other can be, since the one that
 * was there before goes only when the next has come.
 */
export const runPanel = (workbench: Workbench, run?: string, timeoutMs?: number): Promise<Frame> =>
  workbench.webview(
    run === undefined ? PAGE : `${PAGE} [data-testid='run-name']:text-is(${JSON.stringify(run)})`,
    timeoutMs,
  );

export const button = (panel: Frame, name: string) => panel.getByRole("button", { name, exact: true });

/** For what the processor needs: only a bound, on a free machine a run takes less than a minute. */
export const RUN_MS = 600_000;

export async function inState(panel: Frame, state: RunState): Promise<void> {
  await panel.locator(`[data-testid="run-state"][data-state="${state}"]`).waitFor({ timeout: RUN_MS });
}

/** Steps that the curve shows. */
export async function pointsIn(panel: Frame): Promise<number> {
  return Number(await panel.getByTestId("loss-curve").getAttribute("data-points"));
}

export async function figure(
  panel: Frame,
  name: "train-rows" | "eval-rows" | "skipped-rows" | "tokens" | "completion-samples",
): Promise<number> {
  return Number((await panel.getByTestId(name).textContent())?.replaceAll(/\D/g, ""));
}

type FieldName = "epochs" | "sequencesPerStep" | "sequenceLength";

/** Fields under More settings. */
export async function setPlan(panel: Frame, fields: Partial<Record<FieldName, number>>): Promise<void> {
  await panel.getByText("More settings").click();
  for (const [name, value] of Object.entries(fields)) {
    await panel.getByTestId(`field-${name}`).locator("input").fill(String(value));
  }
}
