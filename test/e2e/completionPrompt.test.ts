/** What the model is shown: code from elsewhere in the workspace, and what a comment asks for, in *Show Last Prompt*. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addPreparedRun, runRow, showRuns } from "./preparedRun";
import { RUN_MS } from "./runPanel";
import { eventually, Workbench } from "./workbench";

const PRICES = `SECRET_RATE = 0.2\n\n\ndef with_tax(price, rate=SECRET_RATE):\n    """What a customer pays."""\n    return price * (1 + rate)\n`;
const SHOP = "from prices import with_tax\n\n\ndef total(items):\n    return sum(with_tax(item) for item in items)\n";
const preview = ".markdown-body";

describe("the last prompt", () => {
  let workbench: Workbench;
  let line = 5;

  async function typeLine(text: string): Promise<void> {
    await workbench.page.keyboard.press("Control+1");
    await workbench.goToLineEnd(line);
    await workbench.page.keyboard.press("Enter");
    await workbench.page.keyboard.press("Home");
    await workbench.page.keyboard.type(text, { delay: 20 });
    line += text.split("\n").length;
  }

  /** The preview follows the completions; what is gathered comes a little later, with the next key. */
  async function promptThatHolds(expected: string, typed: string): Promise<string> {
    await typeLine(typed);
    await workbench.command("Tunesmith: Show Last Prompt");
    const frame = await workbench.webview(preview);
    for (let attempt = 0; attempt < 5; ++attempt) {
      const text = await eventually(
        "the prompt",
        async () => (await frame.locator(preview).textContent()) ?? "",
        (found) => found.includes(expected),
        10_000,
      ).catch(() => null);
      if (text !== null) return text;
      await typeLine(typed);
    }
    throw new Error(`The prompt never holds ${expected}.`);
  }

  beforeAll(async () => {
    workbench = await Workbench.start({
      name: "completion-prompt",
      writeWorkspace: (folder) => {
        mkdirSync(folder);
        writeFileSync(join(folder, "prices.py"), PRICES);
        writeFileSync(join(folder, "shop.py"), SHOP);
      },
      settings: { "editor.autoIndent": "keep", "editor.autoClosingBrackets": "never" },
    });
    await addPreparedRun(workbench.workspace, { name: "numbers", steps: 60 });
  });
  afterAll(() => workbench?.stop());

  it("says that there is none yet", async () => {
    await workbench.command("Tunesmith: Show Last Prompt");
    const frame = await workbench.webview(preview);
    await frame.getByText("Nothing has been completed yet").waitFor();
    await workbench.screenshot("1-none");
  });

  it("shows the signatures of what the file imports, before the code", async () => {
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "numbers"), "Resume Run");
    await eventually(
      "the run's end",
      () => runRow(workbench, "numbers").textContent(),
      (text) => /eval loss/.test(text ?? ""),
      RUN_MS,
    );
    await workbench.contextMenu(runRow(workbench, "numbers"), "Use for Completion");
    await workbench.page
      .locator('.statusbar-item a[aria-label^="Tunesmith:"]', { hasText: "numbers" })
      .waitFor({ timeout: RUN_MS });
    await workbench.openFile("shop.py");
    const text = await promptThatHolds("Definitions in prices.py", "price = with_tax(");
    expect(text).toContain("def with_tax(price, rate=SECRET_RATE): ...");
    expect(text).not.toContain("What a customer pays");
    expect(text.indexOf("def with_tax")).toBeLessThan(text.indexOf("def total(items)"));
    await workbench.screenshotsIn(["light", "contrast", "dark"], "2-prompt");
  });

  it("puts what a comment asks for into the template of training", async () => {
    const text = await promptThatHolds("Instruction, with the template", "\n# Return the number 7.");
    expect(text).toMatch(/### Instruction:\s+Return the number 7\.\s+### Response:/);
    expect(text).not.toContain("def with_tax");
    await workbench.screenshot("3-instruction");
  });
});
