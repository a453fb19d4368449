import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually, Workbench } from "./workbench";

const MODEL = resolve(__dirname, "../../models/tiny-python");
const row = (number: number) =>
  JSON.stringify({
    instruction: `Write a function that adds ${number} to each number of a list.`,
    output: `def add_to_all(numbers):\n${"    # Go on.\n".repeat(number % 23)}    return [n + ${number} for n in numbers]`,
  });
const rows = Array.from({ length: 300 }, (_, index) => row(index * 37));

let workbench: Workbench;
beforeAll(async () => {
  workbench = await Workbench.start({
    name: "dataset-view",
    writeWorkspace: (folder) => {
      mkdirSync(folder);
      writeFileSync(join(folder, "sums.jsonl"), `${[...rows, rows[7], "{,}"].join("\n")}\n`);
    },
    settings: { "tunesmith.tokenizerPath": MODEL, "tunesmith.sequenceLength": 128 },
  });
});
afterAll(() => workbench?.stop());

async function openView(): Promise<Frame> {
  const view = await workbench.webview("[data-testid=dataset-view]");
  await view.locator("[data-testid=rows-figure]").waitFor();
  return view;
}

it("shows what a data set is made of, leads to its rows and notices a change", async () => {
  await workbench.openFile("sums.jsonl");
  await workbench.contextMenu(workbench.explorerRow("sums.jsonl"), "Open Dataset View");
  const view = await openView();
  expect(await view.locator("[data-testid=rows-figure]").textContent()).toBe("302");
  await view.locator("[data-testid=row-text] .token").first().waitFor();
  expect(await view.locator("[data-testid=row-counts]").textContent()).toMatch(/^\d+ tokens: \d+ prompt, \d+ learned$/);
  await workbench.screenshotsInBothThemes("whole");

  // By keyboard: from the longest lengths to their rows, and on to the editor.
  await view.locator("g.bar[tabindex='0']").focus();
  await workbench.page.keyboard.press("End");
  await workbench.page.keyboard.press("Enter");
  await view.locator("[data-testid=row-list]:focus").waitFor();
  const filtered = await view.locator(".row-count").textContent();
  expect(Number(/^\d+/.exec(filtered!)![0])).toBeLessThan(100);
  await view.locator("[data-testid=show-all]").click();

  await view.locator("[data-testid=problem-kind]", { hasText: "Invalid JSON" }).click();
  await view.locator("[data-testid=row-pane] li", { hasText: "Expected a key" }).waitFor();
  await view.locator("[data-testid=row-text] pre", { hasText: "{,}" }).waitFor();
  await workbench.screenshot("problem");
  await view.locator("[data-testid=open-row]").click();
  await eventually(
    "the line of the cursor",
    () => workbench.page.locator(".statusbar-item", { hasText: /^Ln / }).textContent(),
    (text) => text?.startsWith("Ln 302,") ?? false,
  );

  appendFileSync(join(workbench.workspace, "sums.jsonl"), `${row(5)}\n`);
  await view.locator("[data-testid=changed]").waitFor();
  await view.locator("[data-testid=refresh-changed]").click();
  await eventually(
    "the rows",
    () => view.locator("[data-testid=rows-figure]").textContent(),
    (text) => text === "303",
  );
});

it("is there again after a reload", async () => {
  await workbench.reload();
  const view = await openView();
  expect(await view.locator("h1").textContent()).toBe("sums.jsonl");
});
