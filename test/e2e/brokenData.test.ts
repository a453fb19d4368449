/** What cannot be trained on is said in the panel, before anything starts. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { button, runPanel } from "./runPanel";
import { Workbench } from "./workbench";

const ROWS = 20;

function writeWorkspace(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const broken = Array.from({ length: ROWS }, (_, index) => `{"instruction": "Add ${index}.", "output": `);
  writeFileSync(join(folder, "broken.jsonl"), `${broken.join("\n")}\n`);
  writeFileSync(join(folder, "empty.jsonl"), "");
}

describe("data that cannot be used", () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "broken", writeWorkspace });
  });
  afterAll(() => workbench?.stop());

  it.each([
    ["broken.jsonl", `None of the ${ROWS} rows can be used for training`],
    ["empty.jsonl", "empty.jsonl is empty"],
    // Once more where a busy browser has dropped the menu's click.
  ])("%s is said to be of no use, and no run is left", { retry: 1 }, async (name, sentence) => {
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow(name), "Fine-tune on This Dataset");
    const panel = await runPanel(workbench);
    const alert = panel.getByRole("alert").filter({ hasText: sentence });
    await alert.first().waitFor();
    await workbench.screenshotsInBothThemes(name.replace(".jsonl", ""));
    expect(await button(panel, "Start").isEnabled()).toBe(false);
    expect(workbench.runs()).toEqual([]);
    await workbench.command("View: Close All Editors");
    // Until they are gone, the next menu could be closed with them.
    await workbench.page.locator(".tabs-container .tab").first().waitFor({ state: "detached" });
  });
});
