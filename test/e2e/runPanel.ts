/** The run panel as a test sees it. */
import type { Frame } from "playwright-core";
import type { Workbench } from "./workbench";

export const runPanel = (workbench: Workbench): Promise<Frame> => workbench.webview("[data-view='run-panel']");

/** Steps in the curve: the page keeps a table of them for screen readers. */
export async function pointsIn(panel: Frame): Promise<number> {
  return panel
    .locator("[data-points]")
    .first()
    .evaluate((element) => Number(element.getAttribute("data-points")));
}

/** Fields under More settings, by their labels. */
export async function setPlan(panel: Frame, fields: Record<string, number>): Promise<void> {
  await panel.getByText("More settings").click();
  for (const [label, value] of Object.entries(fields)) {
    const field = panel.getByLabel(label, { exact: true });
    await field.fill(String(value));
    await field.press("Tab");
  }
}
