/** The forecast: reasons on focus, a dry run, what does not fit mended by a button, rows longer than a sequence. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { button, figure, RUN_MS, runPanel } from "./runPanel";
import { eventually, Workbench } from "./workbench";

const DATASET = "sums.jsonl";
const LONG_ROWS = 6;

function writeWorkspace(folder: string): void {
  const row = (index: number, lines: number) =>
    JSON.stringify({
      instruction: `Add ${index} and x.`,
      input: "",
      output: `def add_${index}(x):\n${`    x = x + ${index}\n`.repeat(lines)}    return x`,
    });
  const rows = Array.from({ length: 120 }, (_, index) => row(index, index < LONG_ROWS ? 40 : 1));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, DATASET), `${rows.join("\n")}\n`);
}

describe("the forecast", () => {
  let workbench: Workbench;
  let panel: Frame;
  const text = (testId: string) => panel.getByTestId(testId).textContent();
  const input = (name: string) => panel.getByTestId(`field-${name}`).locator("input");
  /** Forecasts ask the engine in folders of their own. */
  const leftovers = () => readdirSync(tmpdir()).filter((name) => /^tunesmith-(forecast|measure)-/.test(name));

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "forecast", writeWorkspace });
  });
  afterAll(() => workbench?.stop());

  it("has three figures, each with its reason for keyboard and pointer", async () => {
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow(DATASET), "Fine-tune on This Dataset");
    panel = await runPanel(workbench);
    await panel.getByTestId("forecast-time").waitFor();
    expect(await text("forecast-speed")).toContain("by arithmetic");
    const memory = panel.getByTestId("forecast-memory-figure");
    const reason = memory.getByRole("tooltip");
    expect(await reason.isVisible()).toBe(false);
    await memory.focus();
    await reason.waitFor();
    expect(await reason.textContent()).toMatch(/Weights of the base model: \d+ MB/);
    expect(await memory.getAttribute("aria-describedby")).toBe(await reason.getAttribute("id"));
    await workbench.screenshotsIn(["light", "contrast", "dark"], "1-reason");
    await memory.press("Escape");
    await reason.waitFor({ state: "hidden" });
    await panel.getByTestId("forecast-time-figure").hover();
    await panel
      .getByTestId("forecast-time-figure")
      .getByText(/^Training: /)
      .waitFor();
  });

  it("says which rows are longer than a sequence, and makes sequences longer", async () => {
    await panel.getByText("More settings").click();
    await input("sequenceLength").fill("256");
    const advice = panel.getByTestId("advice-over-length");
    await advice.waitFor({ timeout: RUN_MS });
    expect(await advice.textContent()).toContain(`${LONG_ROWS} of 120 rows (5 %)`);
    await advice.scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "2-long-rows");
    await advice.getByTestId("advice-fix").click();
    await eventually(
      "the sequence length",
      () => input("sequenceLength").inputValue(),
      (value) => value === "512",
    );
    await advice.waitFor({ state: "hidden", timeout: RUN_MS });
    expect(await figure(panel, "skipped-rows").catch(() => 0)).toBe(0);
  });

  it("measures two steps when asked, and can be cancelled", async () => {
    const before = leftovers();
    await button(panel, "Measure (two steps)").click();
    await panel.getByTestId("cancel-measure").click();
    await button(panel, "Measure (two steps)").waitFor();
    expect(await text("forecast-speed")).toContain("by arithmetic");
    await button(panel, "Measure (two steps)").click();
    await panel.getByTestId("measuring").waitFor();
    await workbench.screenshot("3-measuring");
    await button(panel, "Measure again").waitFor({ timeout: RUN_MS });
    expect(await text("forecast-speed")).toContain("measured in a dry run");
    expect(await text("forecast-memory-figure")).toContain("measured");
    await eventually("folders that are gone", leftovers, (now) => now.every((name) => before.includes(name)));
    await workbench.screenshotsIn(["light", "contrast", "dark"], "4-measured");
  });

  it("mends what does not fit by a button", async () => {
    await input("memoryLimit").fill("0.08");
    const error = panel.getByTestId("forecast-error");
    await error.waitFor({ timeout: RUN_MS });
    expect(await error.textContent()).toMatch(/^The run needs at least \d+ MB of memory, and 82 MB can be used\.$/);
    await panel.getByTestId("check-again").click();
    const fix = panel.getByTestId("fix").filter({ hasText: "Memory limit of" });
    await fix.waitFor();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "5-does-not-fit");
    await fix.click();
    await panel.getByTestId("forecast-time").waitFor({ timeout: RUN_MS });
    expect(Number(await input("memoryLimit").inputValue())).toBeGreaterThan(0.08);
    expect(await button(panel, "Start").isEnabled()).toBe(true);
    await workbench.screenshot("6-fits");
  });
});
