/**
 * How long ghost text takes in the real VS Code with a tuned models/tiny-python: from a key to the grey text in the page,
 * in a file with about 1,000 tokens above the cursor. Tunesmith's own wait is set to 0; VS Code waits 50 ms by itself
 * before it asks, and that is taken off in the second figure. Bars: 60 ms at the median, 120 ms at the 95th percentile.
 *
 *   npm run package && node scripts/bench.mjs completion-vscode [--rounds N]
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { createPreparedRun, followRun, startRun } from "../src/cli/runFlow";
import { findEngine } from "../src/run/engineBinary";
import { runsFolderOf } from "../src/run/runDirectory";
import { defaultHeldOut, defaultSettings } from "../src/run/runSpec";

const VSIX = resolve("build/tunesmith-linux-x64.vsix");
/** `InlineCompletionsDebounce` of VS Code. */
const VSCODE_WAITS_MS = 50;
const SOURCE = resolve("test/fixtures/keystrokes/warehouse.py");

/** The scripts know their folder by their own address, which they lose in a bundle. */
const script = (name: string) => pathToFileURL(resolve("scripts/vscode", name)).href;

async function tunedRun(workspace: string): Promise<void> {
  const dataset = join(workspace, "numbers.jsonl");
  const rows = Array.from({ length: 60 }, (_, index) => ({
    instruction: `Return ${index}.`,
    output: `def number_${index}():\n    return ${index}`,
  }));
  writeFileSync(dataset, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const nothing = () => {};
  const signal = new AbortController().signal;
  const context = { signal, progress: nothing, problem: nothing, print: nothing };
  const settings = defaultSettings();
  const { directory } = await createPreparedRun(
    runsFolderOf(workspace),
    {
      ...settings,
      name: "numbers",
      model: { path: resolve("models/tiny-python"), quantization: "none" },
      dataset: {
        path: dataset,
        format: "auto",
        template: "auto",
        heldOut: defaultHeldOut,
        maxTrainRows: null,
        maxEvalRows: null,
      },
      sequenceLength: 64,
      training: { ...settings.training, steps: 10, epochs: null, sequencesPerStep: 1 },
      device: "cpu",
      threads: 1,
    },
    context,
  );
  await startRun(directory, await findEngine({ root: resolve(".") }), context);
  await followRun(directory, context);
}

/** In the page: when a key went down last, and when other ghost text than before was there. */
const WATCH_GHOST_TEXT = `
  window.seen = { key: 0, ghost: 0, text: "" };
  window.addEventListener("keydown", () => Object.assign(window.seen, { key: performance.now(), ghost: 0 }), true);
  new MutationObserver(() => {
    const found = document.querySelectorAll(".ghost-text-decoration, .ghost-text-decoration-preview, .ghost-text");
    const text = [...found].map((element) => element.textContent).join("");
    if (text !== "" && text !== window.seen.text && window.seen.ghost === 0) window.seen.ghost = performance.now();
    window.seen.text = text;
  }).observe(document.body, { childList: true, subtree: true, characterData: true });`;

async function palette(page: Page, title: string): Promise<void> {
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget:visible .quick-input-box input").fill(`>${title}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
}

/** Milliseconds from the last key of a line to its ghost text; null: none came. */
async function oneKey(page: Page, round: number): Promise<number | null> {
  // Back to the margin, where the editor has indented the line.
  await page.keyboard.press(round === 0 ? "Enter" : "Backspace");
  await page.keyboard.insertText(`def number_${round}():`);
  await page.waitForTimeout(400);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  const deadline = Date.now() + 1500;
  for (;;) {
    const { key, ghost } = await page.evaluate<{ key: number; ghost: number }>("window.seen");
    if (ghost > 0) return ghost - key;
    if (Date.now() > deadline) return null;
    await page.waitForTimeout(20);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: "string" } } });
  const rounds = Number(values.rounds ?? 60);
  if (!existsSync(VSIX)) throw new Error(`${VSIX} is missing: run \`npm run package\` first.`);
  const { launchBrowser }: typeof import("../scripts/vscode/browser.mjs") = await import(script("browser.mjs"));
  const { startCodeServer }: typeof import("../scripts/vscode/launch.mjs") = await import(script("launch.mjs"));
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-bench-"));
  const workspace = join(folder, "shop");
  mkdirSync(workspace);
  writeFileSync(join(workspace, "shop.py"), readFileSync(SOURCE, "utf8").split("\nif __name__")[0]!);
  await tunedRun(workspace);
  const server = await startCodeServer({
    state: join(folder, "state"),
    vsix: VSIX,
    settings: {
      "tunesmith.threads": 1,
      "tunesmith.completion.delay": 0,
      "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
    },
  });
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await page.goto(`${server.url}/?folder=${encodeURIComponent(workspace)}`);
    await page.locator('.activitybar .action-label[aria-label^="Tunesmith"]').waitFor({ timeout: 60_000 });
    await palette(page, "Tunesmith: Use for Completion");
    const item = page.locator('.statusbar-item a[aria-label^="Tunesmith:"]', { hasText: "numbers" });
    const offered = page.locator(".quick-input-list .monaco-list-row", { hasText: "numbers" }).first();
    await Promise.race([item.waitFor({ timeout: 120_000 }), offered.click({ timeout: 120_000 })]);
    await item.waitFor({ timeout: 120_000 });
    await page.locator(".explorer-folders-view .monaco-list-row", { hasText: "shop.py" }).dblclick();
    await page.locator(".tab.active", { hasText: "shop.py" }).waitFor();
    await page.locator(".editor-instance .view-line", { hasText: "SHELF_NAMES" }).first().click();
    await page.keyboard.press("Control+End");
    await page.locator(".editor-instance .view-line", { hasText: "return 0" }).first().waitFor();
    await page.evaluate(WATCH_GHOST_TEXT);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const time = await oneKey(page, round);
      if (time !== null && round >= 5) times.push(time);
    }
    const sorted = times.sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
    const figures = (less: number) =>
      `${(at(0.5) - less).toFixed(0)} ms, 95th percentile ${(at(0.95) - less).toFixed(0)} ms`;
    console.log(`${cpus()[0]?.model}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`);
    console.log(`${times.length} of ${rounds - 5} keys had ghost text`);
    console.log(`from the key to ghost text: ${figures(0)}; after VS Code's own wait: ${figures(VSCODE_WAITS_MS)}`);
  } finally {
    await browser.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

main();
