/** The editor and what VS Code shows around it, as a test sees and drives them: mostly by the keyboard. */
import type { Locator } from "playwright-core";
import { eventually, type Workbench } from "./workbench";

const problemRows = (workbench: Workbench): Locator => workbench.page.locator(".markers-panel .monaco-list-row");

/** Opens Problems; the rows in sight, such as `Unknown role … Tunesmithunknown-role[Ln 3, Col 5]`, once `enough` of them are there. */
export async function problems(workbench: Workbench, enough: (rows: string[]) => boolean): Promise<string[]> {
  await workbench.command("View: Focus Problems");
  return eventually("Problems", () => problemRows(workbench).allTextContents(), enough);
}

/** The rows of Problems that tell of a check. */
export const ofCheck = (rows: readonly string[], check: string): string[] =>
  rows.filter((text) => text.includes(`Tunesmith${check}[`));

/** Where the first problem of a check is, as its row says. */
export function placeOf(rows: readonly string[], check: string): { line: number; column: number } | null {
  const place = /\[Ln (\d+), Col (\d+)\]$/.exec(ofCheck(rows, check)[0] ?? "");
  return place === null ? null : { line: Number(place[1]), column: Number(place[2]) };
}

/** Quick fix by the keyboard: Ctrl+., arrow keys, Enter. */
export async function quickFix(workbench: Workbench, title: string): Promise<void> {
  const { page } = workbench;
  const entries = page.locator(".action-widget .monaco-list-row.action");
  // Until the server has looked at the last edit, the fix is not there yet.
  await eventually(
    `the quick fixes with "${title}"`,
    async () => {
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+.");
      await entries.or(page.locator(".monaco-editor-overlaymessage")).first().waitFor();
      return entries.allTextContents();
    },
    (titles) => titles.some((text) => text.includes(title)),
  );
  const wanted = page.locator(".action-widget .monaco-list-row.action.focused", { hasText: title });
  for (let step = 0; step < 20 && (await wanted.count()) === 0; step++) await page.keyboard.press("ArrowDown");
  await wanted.waitFor();
  await page.keyboard.press("Enter");
  await entries.first().waitFor({ state: "hidden" });
}

/** The cursor's line, from the status bar. */
export async function cursorLine(workbench: Workbench): Promise<number> {
  const text = await workbench.page.locator("#status\\.editor\\.selection").textContent();
  return Number(/Ln ([\d,]+)/.exec(text ?? "")?.[1]?.replaceAll(",", ""));
}

/** Suggestions at the cursor, taken with Enter when `label` is the chosen one. */
export async function takeSuggestion(workbench: Workbench, label: string): Promise<string[]> {
  const { page } = workbench;
  const widget = page.locator(".suggest-widget.visible");
  const rows = widget.locator(".monaco-list-row");
  await rows
    .filter({ has: page.locator(".label-name", { hasText: label }) })
    .first()
    .waitFor();
  const labels = await rows.locator(".label-name").allTextContents();
  const wanted = widget.locator(".monaco-list-row.focused .label-name", { hasText: label });
  for (let step = 0; step < labels.length && (await wanted.count()) === 0; step++)
    await page.keyboard.press("ArrowDown");
  await wanted.waitFor();
  await page.keyboard.press("Enter");
  await widget.waitFor({ state: "hidden" });
  return labels;
}

export const codeLens = (workbench: Workbench, text: string | RegExp): Locator =>
  workbench.page.locator(".codelens-decoration a", { hasText: text });

/** A notification that says so, once it is there. */
export const toast = (workbench: Workbench, text: string | RegExp): Locator =>
  workbench.page.locator(".notification-toast", { hasText: text });

/** Presses a button of a notification. */
export async function answerToast(workbench: Workbench, text: string | RegExp, button: string): Promise<void> {
  const shown = toast(workbench, text).first();
  await shown.waitFor({ timeout: 120_000 });
  await shown.locator(".monaco-button", { hasText: button }).first().click();
}

/** VS Code in a browser asks for a file's path at the top: takes the one that is offered. */
export async function acceptPath(workbench: Workbench, name: string): Promise<void> {
  await workbench.quickInput.waitFor();
  await eventually(
    "the offered path",
    () => workbench.quickInput.inputValue(),
    (path) => path.endsWith(name),
  );
  await workbench.page.keyboard.press("Enter");
  await workbench.quickInput.waitFor({ state: "hidden" });
}
