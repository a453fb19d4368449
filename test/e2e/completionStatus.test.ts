/** The status bar's item, its menu and switch, what is written down of completions, and two models in turns. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Frame, Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addPreparedRun, runRow, showRuns } from "./preparedRun";
import { RUN_MS } from "./runPanel";
import { eventually, Workbench } from "./workbench";

/** Even a small model goes on with this. */
const CODE = [1, 2, 3].map((n) => `def add_${n}(left, right):\n    return left + right + ${n}\n`).join("\n\n");
const preview = ".markdown-body";
/** While two models take turns. What is typed over is a turn as well: among so many both come to be seen. */
const TAKEN = 8;

describe("the status of completion", () => {
  let workbench: Workbench;
  let functions = 4;

  const item = (text: string | RegExp): Locator =>
    workbench.page.locator('.statusbar-item a[aria-label^="Tunesmith:"]', { hasText: text });
  const ghost = (): Locator =>
    workbench.page
      .locator(".ghost-text-decoration, .ghost-text-decoration-preview, .ghost-text")
      .filter({ visible: true });
  const ghosts = async () => (await ghost().allTextContents()).join("").trim();
  const shown = () => eventually("ghost text", ghosts, (text) => text !== "", 60_000);
  const menuRow = (label: string): Locator =>
    workbench.page.locator(".quick-input-list .monaco-list-row", { hasText: label });

  async function menu(label: string, picture?: string): Promise<void> {
    await item(/./).click();
    await menuRow(label).first().waitFor();
    if (picture !== undefined) await workbench.screenshot(picture);
    await menuRow(label).first().click();
  }

  /** At the end of the file the beginning of a function like those before it. */
  async function beginFunction(): Promise<void> {
    const { keyboard } = workbench.page;
    await keyboard.press("Control+1");
    await keyboard.press("Control+End");
    await keyboard.press("Enter");
    // Over the indentation that VS Code goes on with.
    await keyboard.press("Shift+Home");
    await keyboard.type(`\n\ndef add_${functions++}(left, right):\n`, { delay: 20 });
    // At once, so that one suggestion is asked for.
    await keyboard.insertText("return ");
  }

  async function takeSuggestion(): Promise<void> {
    await beginFunction();
    await takeShown();
  }

  async function takeShown(): Promise<void> {
    const offered = await shown();
    await workbench.page.keyboard.press("Tab");
    // The next one may be offered at once.
    await eventually("the suggestion in the text", ghosts, (text) => text !== offered);
    await workbench.page.keyboard.press("Escape");
  }

  /** By the word, until one of two or more characters is taken: a single one cannot be told from typing. */
  async function takeWord(): Promise<void> {
    const whole = async () => (await ghost().allTextContents()).join("");
    await shown();
    for (let taken = 0; taken < 2; ) {
      const before = await whole();
      await workbench.page.keyboard.press("Control+ArrowRight");
      taken = before.length - (await eventually("the suggestion's rest", whole, (text) => text !== before)).length;
    }
  }

  /** Of the row that begins so. */
  const cells = async (frame: Frame, label: string): Promise<string[]> => {
    const row = frame.locator("tr", { has: frame.locator("td:first-child", { hasText: label }) }).first();
    return (await row.locator("td").allTextContents()).map((text) => text.trim());
  };

  beforeAll(async () => {
    const writeWorkspace = (folder: string) => {
      mkdirSync(folder);
      writeFileSync(join(folder, "shop.py"), CODE);
    };
    // Else the keyboard types behind a bracket that the editor has put in.
    const settings = { "editor.autoClosingBrackets": "never" };
    workbench = await Workbench.start({ name: "completion-status", writeWorkspace, settings });
    await addPreparedRun(workbench.workspace, { name: "numbers", steps: 30 });
  });
  afterAll(() => workbench?.stop());

  it("shows the model in use", async () => {
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "numbers"), "Resume Run");
    await eventually(
      "the run's end",
      () => runRow(workbench, "numbers").textContent(),
      (text) => /eval loss/.test(text ?? ""),
      RUN_MS,
    );
    await workbench.contextMenu(runRow(workbench, "numbers"), "Use for Completion");
    await item("numbers").waitFor({ timeout: RUN_MS });
    await workbench.openFile("shop.py");
  });

  it("offers in its menu what there is to do, and turns completion off and on", async () => {
    await beginFunction();
    await shown();
    await workbench.page.keyboard.press("Escape");
    await menu("Turn Off in This Workspace", "1-menu");
    await workbench.page.locator(".statusbar-item .codicon-circle-slash").waitFor();
    await workbench.screenshot("1-off");
    await workbench.page.keyboard.press("Control+1");
    await workbench.command("Trigger Inline Suggestion");
    await workbench.save();
    expect(await ghosts()).toBe("");
    await workbench.command("Tunesmith: Turn Completion On or Off");
    await workbench.page.locator(".statusbar-item .codicon-circle-slash").waitFor({ state: "detached" });
    await workbench.page.keyboard.press("Control+1");
    await workbench.command("Trigger Inline Suggestion");
    await takeShown();
  });

  it("turns it off in a folder by its settings, and leaves nothing in them afterwards", async () => {
    const settings = () => {
      const path = join(workbench.workspace, ".vscode", "settings.json");
      return existsSync(path) ? readFileSync(path, "utf8") : "";
    };
    await menu("Turn Off in the Folder shop");
    await eventually("the setting", settings, (text) => /"tunesmith.completion.enabled": false/.test(text));
    await workbench.page.locator(".statusbar-item .codicon-circle-slash").waitFor();
    await menu("Turn On in the Folder shop");
    await workbench.page.locator(".statusbar-item .codicon-circle-slash").waitFor({ state: "detached" });
    expect(settings()).not.toContain("tunesmith");
  });

  it("says in its tooltip where the model computes and what it takes", async () => {
    const tooltip = workbench.page.locator(".workbench-hover", { hasText: "Memory:" });
    for (const theme of ["light", "contrast", "dark"] as const) {
      await workbench.setTheme(theme);
      await item("numbers").hover();
      await tooltip.waitFor();
      await workbench.screenshot(`2-status-${theme}`);
    }
    const said = await tooltip.textContent();
    for (const figure of [/Completes Python on CPU/, /Memory: \d+ MB/, /Last completion: \d+ ms/, /Turn off here/]) {
      expect(said).toMatch(figure);
    }
  });

  it("writes down what is taken, and shows it by model", async () => {
    await workbench.page.keyboard.press("Control+1");
    await takeSuggestion();
    await takeSuggestion();
    await beginFunction();
    await takeWord();
    await takeShown();
    await workbench.save();
    await workbench.command("Tunesmith: Completion Statistics");
    const frame = await workbench.webview(preview);
    const accepted = await eventually(
      "four suggestions that were taken",
      () => cells(frame, "Accepted"),
      (found) => /\(4 \/ \d+\)/.test(found[1] ?? ""),
    );
    const [, count] = /\/ (\d+)\)/.exec(accepted[1]!)!;
    expect((await cells(frame, "Shown"))[1]).toBe(count);
    expect((await cells(frame, "as a whole"))[1]).toMatch(/\(3 \/ /);
    expect((await cells(frame, "by the word"))[1]).toMatch(/\(1 \/ /);
    expect((await cells(frame, "Whole suggestion"))[1]).toMatch(/\d+ · \d+ ms/);
    expect(await frame.locator("th").allTextContents()).toEqual([
      "",
      expect.stringContaining("numbers"),
      "How it is obtained",
    ]);
    await workbench.screenshotsIn(["light", "contrast", "dark"], "3-statistics");
    await eventually(
      "what is left after 30 s",
      () => cells(frame, "Kept after 30 s"),
      (found) => /\(4 \/ 4\)/.test(found[1] ?? ""),
      60_000,
    );
    await workbench.command("View: Close Editor");
  });

  it("judges after a reload what was taken just before it", async () => {
    await takeSuggestion();
    await workbench.save();
    const loaded = workbench.page.waitForEvent("load");
    await workbench.command("Developer: Reload Window");
    await loaded;
    await workbench.ready();
    // The palette has the commands once the extension is there.
    await item("numbers").waitFor({ timeout: 60_000 });
    await workbench.command("Tunesmith: Completion Statistics");
    const frame = await workbench.webview(preview);
    await eventually(
      "all five, looked at again",
      () => cells(frame, "Kept after 30 s"),
      (found) => /\(\d \/ 5\)/.test(found[1] ?? ""),
      60_000,
    );
    expect((await cells(frame, "Not looked at again"))[1]).toMatch(/\(0 \/ 5\)/);
    await workbench.command("View: Close Editor");
    await workbench.openFile("shop.py");
  });

  it("lets the base take turns with the tuned model, and says at the end what came of it", async () => {
    await workbench.page.keyboard.press("Control+1");
    await menu("Compare Models…");
    await workbench.choose("Choose a model to compare numbers with", "tiny-python");
    await item("Comparing models").waitFor({ timeout: RUN_MS });
    await workbench.page.keyboard.press("Control+1");
    for (let turn = 0; turn < TAKEN; turn++) await takeSuggestion();
    await workbench.save();
    await item("Comparing models").hover();
    const tooltip = workbench.page.locator(".workbench-hover", { hasText: "take turns" });
    await tooltip.waitFor();
    expect(await tooltip.textContent()).not.toMatch(/numbers|tiny-python|ms/);
    await workbench.screenshot("4-comparing");
    await menu("Stop Comparing");
    await item("numbers").waitFor();
    const frame = await workbench.webview(preview);
    await frame.locator("h1", { hasText: "numbers against tiny-python" }).waitFor();
    const shares = (await cells(frame, "Accepted")).slice(1, 3).map((text) => /\((\d+) \/ (\d+)\)/.exec(text)!);
    expect(shares.map(([, taken]) => Number(taken)).reduce((sum, taken) => sum + taken)).toBe(TAKEN);
    for (const [, taken, of] of shares) {
      expect(Number(taken)).toBeGreaterThan(0);
      expect(Number(of)).toBeGreaterThanOrEqual(Number(taken));
    }
    expect((await cells(frame, "Accepted"))[3]).toMatch(/may be chance \(p = /);
    await workbench.screenshotsIn(["light", "contrast", "dark"], "5-result");
  });
});
