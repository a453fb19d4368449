/** A data set above 50 MB, which VS Code gives to no extension: validated from the disk. */
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerToast, cursorLine, placeOf, problems, toast } from "./editor";
import { eventually, Workbench } from "./workbench";

const LARGE = "large.jsonl";
const MEBIBYTE = 2 ** 20;
const ROWS = 20_000;
/** More warnings than VS Code keeps for a file. */
const EMPTY_ANSWERS = 1200;
const BROKEN_ROW = 12_345;
const FIELDLESS_ROW = 19_990;
/** Its fault lies where VS Code draws nothing any more. */
const LONG_ROW = 15_000;

/** Words as a small generator of pseudo-random numbers picks them: no two rows are alike. */
function words(seed: number, count: number): string {
  const made: string[] = [];
  for (let state = seed * 2_654_435_761 + 1; made.length < count; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    made.push(state.toString(36));
  }
  return made.join(" ");
}

function rowText(row: number): string {
  if (row === BROKEN_ROW) return '{"instruction": "Broken", "output": "It ends he';
  if (row === FIELDLESS_ROW) return '{"instruction": "Answer me."}';
  const instruction = `Explain item ${row}: ${words(row, 4)}`;
  if (row <= EMPTY_ANSWERS) return JSON.stringify({ instruction, output: "" });
  const text = words(row + ROWS, row === LONG_ROW ? 20_000 : 430);
  const output = row === LONG_ROW ? `${text} \ufffd the end` : text;
  return JSON.stringify({ instruction, output });
}

function writeWorkspace(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, LARGE);
  for (let row = 1; row <= ROWS; row += 1000) {
    const lines = Array.from({ length: 1000 }, (_, index) => rowText(row + index));
    appendFileSync(path, `${lines.join("\n")}\n`);
  }
}

describe("a data set above 50 MB", () => {
  let workbench: Workbench;
  const summary = /large\.jsonl: 18,798 of 20,000 rows can be used\. Errors: 2, warnings: 1,201/;

  beforeAll(async () => {
    workbench = await Workbench.start({
      name: "large",
      writeWorkspace,
      // In a browser VS Code asks before it opens 10 MB; on the desktop before 1 GB.
      settings: { "workbench.editorLargeFileConfirmation": 1024 },
    });
  });
  afterAll(() => workbench?.stop());

  it("stops validating when asked to, and says nothing of what it had found", async () => {
    expect(statSync(join(workbench.workspace, LARGE)).size).toBeGreaterThan(50 * MEBIBYTE);
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow(LARGE), "Validate Dataset");
    const progress = toast(workbench, "Validating large.jsonl");
    await progress.waitFor();
    await workbench.screenshot("1-progress");
    await answerToast(workbench, "Validating large.jsonl", "Cancel");
    await progress.waitFor({ state: "detached" });
    expect(await workbench.page.locator(".notification-toast").count()).toBe(0);
    await problems(workbench, (rows) => rows.length === 0);
  });

  it("puts the most serious problems of the file into Problems, and tells how many there are", async () => {
    await workbench.contextMenu(workbench.explorerRow(LARGE), "Validate Dataset");
    await toast(workbench, summary).waitFor({ timeout: 300_000 });
    await workbench.command("View: Toggle Maximized Panel");
    const rows = await problems(workbench, (found) => placeOf(found, "json-syntax") !== null);
    expect(placeOf(rows, "json-syntax")?.line).toBe(BROKEN_ROW);
    expect(placeOf(rows, "missing-field")?.line).toBe(FIELDLESS_ROW);
    expect(placeOf(rows, "empty-answer")?.line).toBe(1);
    expect(rows[0]).toContain("1000");
    await workbench.screenshot("2-problems");
    await workbench.command("View: Toggle Maximized Panel");
  });

  it("opens the row of a problem", async () => {
    const { page } = workbench;
    const row = page.locator(".markers-panel .monaco-list-row", { hasText: `[Ln ${FIELDLESS_ROW}` }).first();
    await row.dblclick();
    await page.locator(".tab.active", { hasText: LARGE }).waitFor();
    await eventually(
      "the cursor's line",
      () => cursorLine(workbench),
      (line) => line === FIELDLESS_ROW,
      60_000,
    );
    await page.locator(".squiggly-error").first().waitFor();
    await workbench.screenshot("3-row");
  });

  it("writes a report with the true totals", async () => {
    const { page } = workbench;
    await page.locator(".statusbar-item#status\\.notifications a").click();
    const center = page.locator(".notifications-center.visible");
    await center.locator(".monaco-button", { hasText: "Open Report" }).click();
    const report = await workbench.webview("h1:has-text('Validation of large.jsonl')");
    await workbench.command("View: Hide Panel");
    await workbench.screenshot("4-report");
    expect(await report.locator("body").textContent()).toContain("1,200");
    await report.getByRole("link", { name: "missing-field" }).click();
    await workbench.webview("h1:has-text('Missing field')");
    const reports = join(workbench.workspace, ".tunesmith", "reports");
    const json = JSON.parse(readFileSync(join(reports, "large.validation.json"), "utf8"));
    expect(json).toMatchObject({ rows: ROWS, totals: { error: 2, usable: ROWS - EMPTY_ANSWERS - 2 } });
    rmSync(join(workbench.workspace, LARGE));
  });
});
