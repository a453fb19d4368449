/** The run panel as a test sees it. */
import type { Frame } from "playwright-core";
import type { Workbench } from "./workbench";

export const runPanel = (workbench: Workbench): Promise<Frame> => workbench.webview("[data-view='run-panel']");

export const button = (panel: Frame, name: string) => panel.getByRole("button", { name, exact: true });

/** Steps that the curve shows. */
export async function pointsIn(panel: Frame): Promise<number> {
  return Number(await panel.getByTestId("loss-curve").getAttribute("data-points"));
}

export async function figure(panel: Frame, name: "train-rows" | "eval-rows" | "skipped-rows"): Promise<number> {
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
