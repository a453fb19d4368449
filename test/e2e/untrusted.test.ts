/** What works in a folder that is not trusted: nothing of it is run, but its data sets are checked and shown. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleRows } from "../../scripts/vscode/sample-workspace.mjs";
import { toast } from "./editor";
import { Workbench } from "./workbench";

const SHOP = "shop.jsonl";
const ROWS = 60;

function writeWorkspace(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const lines = sampleRows()
    .slice(0, ROWS)
    .map((row) => JSON.stringify(row));
  lines[6] = lines[6]!.slice(0, -1);
  writeFileSync(join(folder, SHOP), `${lines.join("\n")}\n`);
}

describe("a folder that is not trusted", () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "untrusted", writeWorkspace, untrusted: true });
  });
  afterAll(() => workbench?.stop());

  it("gets squiggles, validation and the dataset view", async () => {
    await workbench.openFile(SHOP);
    await workbench.page.locator(".statusbar-item", { hasText: "Restricted Mode" }).waitFor();
    await workbench.page.locator(".squiggly-error").first().waitFor();
    await workbench.command("Tunesmith: Validate Dataset");
    await toast(workbench, /shop\.jsonl: 59 of 60 rows can be used\. Errors: 1/).waitFor({ timeout: 60_000 });
    await workbench.command("Tunesmith: Open Dataset View");
    const view = await workbench.webview("[data-testid='row-pane']");
    expect(await view.getByTestId("rows-figure").textContent()).toBe(String(ROWS));
    await view.getByTestId("row-text").getByText("Return the largest price.").waitFor();
    await workbench.screenshot("view");
  });
});
