/** Writing a data set in the editor: problems and their fixes, hover, code lenses, completion, symbols, rows as text. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleRows } from "../../scripts/vscode/sample-workspace.mjs";
import { codeLens, cursorLine, ofCheck, placeOf, problems, quickFix, takeSuggestion } from "./editor";
import { runPanel } from "./runPanel";
import { eventually, Workbench } from "./workbench";

const tokenizer = resolve(__dirname, "../../models/tiny-python");

const ORDERS = "orders.jsonl";
const CHAT = "chat.jsonl";

/** Rows with one planted fault each, by line. */
function faultyLines(): string[] {
  const lines = sampleRows()
    .slice(0, 12)
    .map((row) => JSON.stringify(row));
  lines[2] = lines[2]!.slice(0, -1);
  lines[3] = lines[3]!.replace('"output"', '"ouput"');
  lines[5] = JSON.stringify({
    instruction: "Halve a number.",
    input: "",
    output: "def halve(number:\n    return number / 2",
  });
  lines[6] = lines[0]!;
  lines[7] = lines[0]!;
  const token = `hf_${"9dK2mQx7RtY4wZ8bNc3VfGh6LpJs1AeU5o"}`;
  lines[8] = JSON.stringify({ instruction: "Log in.", input: "", output: `token = "${token}"\nlogin(token)` });
  lines[9] = JSON.stringify({ instruction: "Say nothing.", input: "", output: "" });
  return lines;
}

function chatLines(): string[] {
  return sampleRows()
    .slice(20, 26)
    .map(({ instruction, output }) =>
      JSON.stringify({
        messages: [
          { role: "user", content: instruction },
          { role: "assistant", content: output },
        ],
      }),
    );
}

function writeWorkspace(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ORDERS), `${faultyLines().join("\n")}\n`);
  writeFileSync(join(folder, CHAT), `${chatLines().join("\n")}\n`);
}

describe("a data set in the editor", () => {
  let workbench: Workbench;
  const saved = (name: string) => workbench.read(name).trimEnd().split("\n");

  beforeAll(async () => {
    workbench = await Workbench.start({
      name: "editor",
      writeWorkspace,
      settings: {
        "tunesmith.tokenizerPath": tokenizer,
        "tunesmith.sequenceLength": 512,
        // VS Code leaves closing out while it is busy with colours: then the row would be another one.
        "editor.autoClosingBrackets": "never",
        "editor.autoClosingQuotes": "never",
      },
    });
  });
  afterAll(() => workbench?.stop());

  it("marks each planted fault in its row", async () => {
    await workbench.openFile(ORDERS);
    await workbench.page.locator(".squiggly-error").first().waitFor();
    await workbench.command("View: Focus Problems");
    await workbench.command("View: Toggle Maximized Panel");
    const rows = await problems(workbench, (found) => placeOf(found, "duplicate-row") !== null);
    await workbench.screenshot("1-problems");
    const lines = faultyLines();
    expect(placeOf(rows, "json-syntax")).toEqual({ line: 3, column: lines[2]!.length });
    expect(placeOf(rows, "missing-field")?.line).toBe(4);
    expect(placeOf(rows, "python-syntax")?.line).toBe(6);
    expect(ofCheck(rows, "duplicate-row")).toHaveLength(2);
    expect(placeOf(rows, "secret")).toEqual({ line: 9, column: lines[8]!.indexOf("hf_") + 1 });
    expect(placeOf(rows, "empty-answer")?.line).toBe(10);
    await workbench.command("View: Toggle Maximized Panel");
    await workbench.goTo(3);
    await workbench.screenshotsInBothThemes("2-squiggles");
  });

  it("mends rows one by one by the keyboard", async () => {
    const text = faultyLines();
    await workbench.goTo(3, text[2]!.length);
    await quickFix(workbench, "Close what is open at the row's end");
    await workbench.goTo(4, 1);
    await quickFix(workbench, 'Rename "ouput" to "output"');
    await workbench.goTo(9, text[8]!.indexOf("hf_") + 2);
    await quickFix(workbench, "Replace by [REDACTED]");
    const rows = await problems(workbench, (found) => placeOf(found, "secret") === null);
    expect(["json-syntax", "missing-field"].map((check) => placeOf(rows, check))).toEqual([null, null]);
    expect(ofCheck(rows, "duplicate-row")).toHaveLength(2);
    await workbench.save();
    const lines = saved(ORDERS);
    expect(JSON.parse(lines[2]!)).toEqual(sampleRows()[2]);
    expect(JSON.parse(lines[3]!)).toEqual(sampleRows()[3]);
    expect(JSON.parse(lines[8]!).output).toBe('token = "[REDACTED]"\nlogin(token)');
  });

  it("goes from a duplicate to the row that it repeats", async () => {
    await workbench.goTo(8);
    await workbench.page.keyboard.press("F12");
    await eventually(
      "the cursor's line",
      () => cursorLine(workbench),
      (line) => line === 1,
    );
  });

  it("removes all duplicates of the file with one fix", async () => {
    await workbench.goTo(7);
    await quickFix(workbench, "Remove the duplicate rows: fix all 2 in this file");
    await problems(workbench, (found) => placeOf(found, "duplicate-row") === null);
    await workbench.save();
    expect(saved(ORDERS)).toHaveLength(10);
    expect(saved(ORDERS).filter((line) => line === faultyLines()[0])).toHaveLength(1);
  });

  it("shows in a row's hover what the model sees of it, and its tokens", async () => {
    await workbench.command("View: Hide Panel");
    await workbench.goTo(2, 20);
    await workbench.page.keyboard.press("Control+K");
    await workbench.page.keyboard.press("Control+I");
    const hover = workbench.page.locator(".monaco-hover:visible .hover-contents", { hasText: "learned" }).first();
    await hover.waitFor();
    const text = (await hover.textContent())!.replaceAll("\u00a0", " ");
    expect(text).toMatch(/\d+ of 512 tokens: \d+ prompt, \d+ learned/);
    const { instruction, output } = sampleRows()[1]!;
    expect(text).toContain(instruction);
    const learned = (await hover.locator("b").allTextContents()).join("").replaceAll("\u00a0", " ");
    expect(learned).toContain(output.split("\n")[0]);
    expect(learned).not.toContain(instruction);
    await workbench.screenshot("3-hover-dark");
    await workbench.page.keyboard.press("Escape");
    await workbench.setTheme("light");
    await workbench.command("Tunesmith: Preview Row");
    await hover.waitFor();
    await workbench.screenshot("3-hover-light");
    await workbench.page.keyboard.press("Escape");
    await workbench.setTheme("dark");
  });

  it("says above the first row what the data set is, and leads on from there", async () => {
    await codeLens(workbench, /^alpaca · 10 rows · [\d,]+ tokens · \d+ problems?$/).waitFor();
    await workbench.screenshot("4-code-lens");
    await codeLens(workbench, "Dataset view").click();
    const view = await workbench.webview("[data-testid='dataset-view']");
    await view.getByTestId("rows-figure").waitFor();
    expect(await view.getByTestId("rows-figure").textContent()).toBe("10");
    await workbench.command("View: Close Editor");
    await codeLens(workbench, "Fine-tune").click();
    const plan = await runPanel(workbench);
    await plan.getByTestId("train-rows").waitFor();
    await workbench.command("View: Close Editor");
  });

  it("lists its rows as symbols", async () => {
    await workbench.goTo(1);
    await workbench.page.keyboard.press("Control+Shift+O");
    await workbench.quickInput.waitFor();
    const symbols = workbench.page.locator(".quick-input-list .monaco-list-row");
    const wanted = sampleRows()[4]!.instruction;
    await symbols.filter({ hasText: wanted }).first().waitFor();
    await workbench.screenshot("5-symbols");
    await workbench.quickInput.fill(`@${wanted}`);
    await eventually(
      "the first symbol",
      () => symbols.first().textContent(),
      (text) => text?.includes(wanted) === true,
    );
    await workbench.page.keyboard.press("Enter");
    await eventually(
      "the cursor's line",
      () => cursorLine(workbench),
      (line) => line === 5,
    );
  });

  it("completes the keys of a row that is being written", async () => {
    const { page } = workbench;
    await workbench.goToLineEnd(10);
    await page.keyboard.press("Enter");
    await page.keyboard.type('{"');
    const labels = await takeSuggestion(workbench, "instruction");
    expect(labels).toEqual(["instruction", "output", "input", "system"]);
    await page.keyboard.type("Return nothing.");
    await page.keyboard.press("End");
    await page.keyboard.type(', "');
    await takeSuggestion(workbench, "output");
    await page.keyboard.type("def nothing():\\n    return None");
    await page.keyboard.press("End");
    await page.keyboard.type("}");
    await workbench.screenshot("6-completed");
    await workbench.save();
    expect(JSON.parse(saved(ORDERS)[10]!)).toEqual({
      instruction: "Return nothing.",
      output: "def nothing():\n    return None",
    });
  });

  it("shows a row as text, and writes it back when that is saved", async () => {
    await workbench.goTo(1);
    await workbench.page.keyboard.press("Control+Alt+Enter");
    await workbench.page.locator(".tab.active", { hasText: "orders.jsonl, row 1" }).waitFor();
    const editor = workbench.page.locator(".editor-group-container.active .view-lines");
    await editor.filter({ hasText: "def" }).waitFor();
    await workbench.screenshotsInBothThemes("7-row-as-text");
    const { instruction } = sampleRows()[0]!;
    await workbench.page.keyboard.press("Control+H");
    await workbench.page.locator(".find-widget.visible").waitFor();
    await workbench.page.keyboard.type(instruction);
    await workbench.page.keyboard.press("Tab");
    await workbench.page.keyboard.type("Give the greatest price.");
    await workbench.page.keyboard.press("Control+Alt+Enter");
    await workbench.page.keyboard.press("Escape");
    await workbench.save();
    const row = await eventually(
      "the row on the disk",
      () => JSON.parse(saved(ORDERS)[0]!),
      (found) => found.instruction !== instruction,
    );
    expect(row).toEqual({ ...sampleRows()[0], instruction: "Give the greatest price." });
    await workbench.command("View: Close All Editors");
  });

  it("shows the format in the status bar, and takes another", async () => {
    const { page } = workbench;
    await workbench.openFile(CHAT);
    await codeLens(workbench, /^chat · 6 rows/).waitFor();
    await page.locator("#status\\.languageStatus").hover();
    const status = page.locator(".monaco-hover:visible .hover-language-status", { hasText: "chat" });
    await status.waitFor();
    expect(await status.textContent()).toContain("6 rows · 0 problems");
    await workbench.screenshot("8-language-status");
    // The class stands for the colour.
    const colourOfKey = () =>
      page.locator(".view-line span span", { hasText: "messages" }).first().getAttribute("class");
    const used = await colourOfKey();
    await workbench.command("Tunesmith: Choose Data Set Format…");
    await workbench.choose("Choose the format of chat.jsonl", "Alpaca");
    await problems(workbench, (found) => ofCheck(found, "other-format").length === 6);
    // Of that format the key is none: it is coloured so.
    await eventually("the key's colour", colourOfKey, (colour) => colour !== used);
    expect(JSON.parse(workbench.read(".vscode/settings.json"))["tunesmith.dataSets"]).toEqual({
      [CHAT]: { format: "alpaca" },
    });
    await workbench.goTo(1);
    await workbench.command("Tunesmith: Choose Data Set Format…");
    await workbench.choose("Choose the format of chat.jsonl", "Automatic");
    await problems(workbench, (found) => ofCheck(found, "other-format").length === 0);
    await eventually("the key's colour", colourOfKey, (colour) => colour === used);
    await codeLens(workbench, /^chat · 6 rows .* no problems$/).waitFor();
  });

  it("completes roles", async () => {
    await workbench.goToLineEnd(6);
    await workbench.page.keyboard.press("Enter");
    await workbench.page.keyboard.type('{"messages": [{"role": "');
    const labels = await takeSuggestion(workbench, "assistant");
    expect(labels).toEqual(["user", "assistant", "system", "tool"]);
    await workbench.save();
    expect(saved(CHAT)[6]).toMatch(/^\{"messages": \[\{"role": "assistant"/);
  });
});
