/** The dataset view: charts, problems and rows of a data set beside its editor. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleRows } from "../../scripts/vscode/sample-workspace.mjs";
import { cursorLine } from "./editor";
import { eventually, Workbench } from "./workbench";

const tokenizer = resolve(__dirname, "../../models/tiny-python");
const SHOP = "shop.jsonl";
const ROWS = 240;
const LONG_ROW = 100;
const BROKEN_ROW = 50;
const EMPTY_ROWS = [20, 120, 220];

const rowView = (workbench: Workbench): Promise<Frame> => workbench.webview("[data-testid='row-pane']");

function writeWorkspace(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const rows = sampleRows().slice(0, ROWS);
  for (const row of EMPTY_ROWS) rows[row - 1]!.output = "";
  const long = rows[LONG_ROW - 1]!;
  long.output += `\n\n\nPRICES = {\n${Array.from({ length: 60 }, (_, at) => `    "item ${at}": ${at * 7},`).join("\n")}\n}`;
  const lines = rows.map((row) => JSON.stringify(row));
  lines[29] = lines[28]!;
  lines[BROKEN_ROW - 1] = lines[BROKEN_ROW - 1]!.slice(0, -1);
  writeFileSync(join(folder, SHOP), `${lines.join("\n")}\n`);
}

describe("the dataset view", () => {
  let workbench: Workbench;
  let view: Frame;
  const shownRows = async () => Number(/^\d+/.exec((await view.locator(".row-count").textContent()) ?? "")?.[0]);

  beforeAll(async () => {
    workbench = await Workbench.start({
      name: "view",
      writeWorkspace,
      settings: { "tunesmith.tokenizerPath": tokenizer, "tunesmith.sequenceLength": 256 },
    });
  });
  afterAll(() => workbench?.stop());

  it("opens from the Explorer with the figures of the file", async () => {
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow(SHOP), "Open Dataset View");
    view = await rowView(workbench);
    expect(await view.getByTestId("rows-figure").textContent()).toBe(String(ROWS));
    expect(await view.getByTestId("format").textContent()).toBe("alpaca");
    const problems = view.getByTestId("problem-table");
    expect(await problems.locator("tbody tr").first().textContent()).toMatch(/^ErrorInvalid JSON11/);
    expect(await problems.locator("tr", { hasText: "Empty answer" }).textContent()).toMatch(/^WarningEmpty answer33/);
    const bars = view.getByTestId("length-chart").locator("g.bar");
    await bars.first().waitFor();
    expect(await view.getByTestId("length-chart").textContent()).toContain("longer than a sequence of 256.");
    await workbench.page.mouse.move(0, 0);
    await workbench.screenshotsIn(["light", "contrast", "dark"], "1-page");
  });

  it("lists the rows of a problem, and those of a bar", async () => {
    await view.getByTestId("problem-table").getByRole("button", { name: "Empty answer", exact: true }).click();
    await eventually("the rows shown", shownRows, (count) => count === EMPTY_ROWS.length);
    await view.getByTestId("show-all").click();
    await eventually("the rows shown", shownRows, (count) => count === ROWS);
    const first = view.locator("g.bar .hit").first();
    await first.click();
    await eventually("the rows shown", shownRows, (count) => count > 0 && count < ROWS);
    await first.click();
    await eventually("the rows shown", shownRows, (count) => count === ROWS);
    // By the keyboard: to the bar of the longest rows.
    await view.locator("g.bar[tabindex='0']").focus();
    await workbench.page.keyboard.press("End");
    await workbench.page.keyboard.press("Enter");
    await view.locator("[data-testid=row-list]:focus").waitFor();
    await eventually("the rows shown", shownRows, (count) => count === 1);
    expect(await view.getByTestId("row-list").textContent()).toContain(`Row ${LONG_ROW}`);
  });

  it("shows a row as the model sees it: its tokens and what is learned", async () => {
    const text = view.getByTestId("row-text");
    await text.locator(".token").first().waitFor();
    const { instruction } = sampleRows()[LONG_ROW - 1]!;
    expect(await text.textContent()).toContain(instruction);
    const learned = (await text.locator("mark.learned").allTextContents()).join("");
    expect(learned).toContain("item 59");
    expect(learned).not.toContain(instruction);
    expect(await text.locator(".token").count()).toBeGreaterThan(256);
    await workbench.screenshotsIn(["light", "contrast", "dark"], "2-row");
  });

  it("opens a row in the editor, by the keyboard", async () => {
    await view.getByTestId("row-list").focus();
    await workbench.page.keyboard.press("Enter");
    await workbench.page.locator(".tab.active", { hasText: SHOP }).waitFor();
    await eventually(
      "the cursor's line",
      () => cursorLine(workbench),
      (line) => line === LONG_ROW,
    );
    await workbench.screenshot("3-row-in-editor");
  });

  it("shows a row that cannot be read as it stands, with its fault", async () => {
    await view.getByTestId("show-all").click();
    await view.getByTestId("problem-kind").filter({ hasText: "Invalid JSON" }).click();
    await view.locator("[data-testid=row-pane] .row-problems li", { hasText: "the row ends here" }).waitFor();
    await view.locator("[data-testid=row-text] pre", { hasText: '{"instruction"' }).waitFor();
  });

  it("says when the file has changed, and reads it again", async () => {
    writeFileSync(join(workbench.workspace, SHOP), `${JSON.stringify(sampleRows()[0])}\n`);
    await view.getByTestId("refresh-changed").click();
    await eventually(
      "the rows",
      () => view.getByTestId("rows-figure").textContent(),
      (rows) => rows === "1",
    );
    await workbench.screenshot("4-narrow");
  });

  it("comes back after a reload", async () => {
    await workbench.reload();
    view = await rowView(workbench);
    expect(await view.getByTestId("rows-figure").textContent()).toBe("1");
  });
});
