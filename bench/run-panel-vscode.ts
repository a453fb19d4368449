/**
 * How long the panel of a run of 100,000 steps takes to open in the real VS Code: from the click on the run to the frame
 * in which the curve has all points. The floor is a webview panel of one paragraph, opened by a click in the same VS Code.
 * Bar: 1 s.
 *
 *   npm run package && node scripts/bench.mjs run-panel-vscode [--steps N] [--reloads N]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { writeLongRun } from "./data/longRun";

const VSIX = resolve("build/tunesmith-linux-x64.vsix");
/** Openings after each reload of VS Code; the first one pays for what VS Code does once. */
const OPENINGS = 4;
const MAX_MS = 30_000;

/** The scripts know their folder by their own address, which they lose in a bundle. */
const script = (name: string) => pathToFileURL(resolve("scripts/vscode", name)).href;

/** What is looked for in every frame, by name, in the order in which it comes. */
const sights = (steps: number): Record<string, string> => ({
  empty: "#empty",
  tab: ".tab.active",
  page: "[data-view='run-panel'] .skeleton",
  run: "[data-testid='run']",
  points: "[data-testid='loss-curve']:not([data-points='0'])[data-points]",
  curve: `[data-testid='loss-curve'][data-points='${steps}']`,
});

/** In every frame: tells of the last press of a button, and of the first frame drawn after something came into sight. */
const watch = (steps: number) => `
  const now = () => performance.timeOrigin + performance.now();
  const sights = Object.entries(${JSON.stringify(sights(steps))});
  const told = new Set();
  addEventListener("pointerdown", () => {
    told.clear();
    window.tell("press", now());
  }, true);
  const look = () => {
    for (const [name, selector] of sights) {
      if (told.has(name) || document.querySelector(selector) === null) continue;
      told.add(name);
      requestAnimationFrame(() => window.tell(name, now()));
    }
  };
  // VS Code writes a panel's page into a document that is there already, which ends a loop of animation frames.
  setInterval(look, 5);`;

/** An extension whose item in the status bar opens a panel with nothing in it. */
function writeEmptyPanel(folder: string): string {
  mkdirSync(folder);
  const manifest = {
    name: "empty-panel",
    publisher: "bench",
    version: "0.0.1",
    engines: { vscode: "^1.100.0" },
    main: "extension.js",
    activationEvents: ["onStartupFinished"],
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  writeFileSync(
    join(folder, "extension.js"),
    `const vscode = require("vscode");
exports.activate = ({ subscriptions }) => {
  const item = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Left);
  Object.assign(item, { text: "Empty panel", command: "bench.emptyPanel" });
  item.show();
  subscriptions.push(item, vscode.commands.registerCommand("bench.emptyPanel", () => {
    const panel = vscode.window.createWebviewPanel("bench.empty", "Empty", vscode.ViewColumn.Active, { enableScripts: true });
    panel.webview.html = '<!DOCTYPE html><body><p id="empty">Empty.</p></body>';
  }));
};\n`,
  );
  const vsix = join(folder, "empty-panel.vsix");
  const vsce = resolve("node_modules/@vscode/vsce/vsce");
  const flags = ["--out", vsix, "--allow-missing-repository", "--skip-license"];
  const { status, stderr } = spawnSync(process.execPath, [vsce, "package", ...flags], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`The empty panel cannot be packaged: ${stderr}`);
  return vsix;
}

type Times = Map<string, number>;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

class Openings {
  readonly #seen: Times = new Map();
  readonly first: Times[] = [];
  readonly later: Times[] = [];

  private constructor(
    private readonly page: Page,
    private readonly url: string,
  ) {}

  static async of(page: Page, url: string, steps: number): Promise<Openings> {
    const openings = new Openings(page, url);
    await page.exposeBinding("tell", (_source, name: string, at: number) => {
      if (name === "press") openings.#seen.clear();
      openings.#seen.set(name, at);
    });
    await page.addInitScript(watch(steps));
    return openings;
  }

  /** VS Code anew, with the runs in sight and read. */
  async reload(): Promise<void> {
    const { page } = this;
    await page.goto(this.url);
    const icon = page.locator('.activitybar .action-label[aria-label^="Tunesmith"]');
    await icon.waitFor({ timeout: 60_000 });
    await page.locator(".statusbar-item", { hasText: "Empty panel" }).waitFor({ timeout: 60_000 });
    while (!(await page.locator(".pane", { hasText: "Runs" }).first().isVisible())) {
      await icon.click();
      await page.waitForTimeout(1000);
    }
    await this.#run.waitFor({ timeout: 60_000 });
    // VS Code starts much else in these seconds, and may bring back a panel that was open when it last saved.
    await page.waitForTimeout(4000);
    await this.#closeAll();
  }

  async #closeAll(): Promise<void> {
    const tabs = this.page.locator(".tab");
    while ((await tabs.count()) > 0) {
      await tabs.first().locator(".codicon-close").click();
      await this.page.waitForTimeout(500);
    }
  }

  get #run() {
    return this.page.locator(".pane", { hasText: "Runs" }).locator(".monaco-list-row", { hasText: "bench" }).first();
  }

  async open(what: "run" | "empty", isFirst: boolean): Promise<void> {
    const row = what === "run" ? this.#run : this.page.locator(".statusbar-item", { hasText: "Empty panel" });
    await row.click();
    const last = what === "run" ? "curve" : "empty";
    const deadline = Date.now() + MAX_MS;
    while (!this.#seen.has(last)) {
      if (Date.now() > deadline) throw new Error(`${last} does not come into sight within ${MAX_MS / 1000} s.`);
      await this.page.waitForTimeout(20);
    }
    const press = this.#seen.get("press")!;
    const times = new Map([...this.#seen].map(([name, at]) => [name, at - press]));
    (isFirst ? this.first : this.later).push(times);
    // The page, once it is there, does what can wait.
    await this.page.waitForTimeout(1500);
    await this.#closeAll();
  }

  clear(): void {
    this.first.length = 0;
    this.later.length = 0;
  }
}

function report(what: string, openings: readonly Times[], last: string): void {
  const totals = openings.map((times) => times.get(last)!);
  const parts = ["tab", "page", "run", "points"].filter((name) => openings.every((times) => times.has(name)));
  const steps = parts.map((name) => `${name} ${median(openings.map((times) => times.get(name)!)).toFixed(0)}`);
  console.log(
    `${what.padEnd(24)} ${median(totals).toFixed(0).padStart(5)} ms at the median, most ${Math.max(...totals).toFixed(0)} (${totals.length})${steps.length === 0 ? "" : `; ${steps.join(", ")}`}`,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { steps: { type: "string" }, reloads: { type: "string" } } });
  const steps = Number(values.steps ?? 100_000);
  const reloads = Number(values.reloads ?? 3);
  if (!existsSync(VSIX)) throw new Error(`${VSIX} is missing: run \`npm run package\` first.`);
  const { launchBrowser }: typeof import("../scripts/vscode/browser.mjs") = await import(script("browser.mjs"));
  const { installExtension, startCodeServer }: typeof import("../scripts/vscode/launch.mjs") = await import(
    script("launch.mjs")
  );
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-bench-"));
  const workspace = join(folder, "shop");
  mkdirSync(workspace);
  await writeLongRun(workspace, steps);
  const state = join(folder, "state");
  const extensions = join(state, "extensions");
  await installExtension({ vsix: writeEmptyPanel(join(folder, "empty-panel")), extensions, state });
  const server = await startCodeServer({ state, vsix: VSIX });
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const openings = await Openings.of(page, `${server.url}/?folder=${encodeURIComponent(workspace)}`, steps);
    console.log(`${cpus()[0]?.model}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}, ${steps} steps`);
    for (const what of ["empty", "run"] as const) {
      openings.clear();
      for (let reload = 0; reload < reloads; reload++) {
        await openings.reload();
        for (let opening = 0; opening < OPENINGS; opening++) await openings.open(what, opening === 0);
      }
      const last = what === "run" ? "curve" : "empty";
      const name = what === "run" ? "the run" : "an empty panel";
      report(`${name}, first`, openings.first, last);
      report(`${name}, later`, openings.later, last);
    }
  } finally {
    await browser.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

main();
