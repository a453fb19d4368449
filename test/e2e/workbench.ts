/** A VS Code in a browser: the packaged extension in a fresh extensions folder, a workspace outside of the repository. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { Browser, Frame, Locator, Page } from "playwright-core";
import { inject } from "vitest";
import { launchBrowser } from "../../scripts/vscode/browser.mjs";
import { startCodeServer } from "../../scripts/vscode/launch.mjs";

const root = resolve(__dirname, "../..");
const screenshots = join(root, "test-results", "e2e");

/** VS Code fades things in; before that a picture shows half of them. */
const FADE_MS = 350;

export const TUNESMITH_ICON = '.activitybar .action-label[aria-label^="Tunesmith"]';

export type Theme = "dark" | "light" | "contrast" | "contrast-light";
/** The name in the settings, and the one in the list of colour themes. */
const themes: Record<Theme, { id: string; label: string; shown: string }> = {
  dark: { id: "Default Dark Modern", label: "Dark Modern", shown: ".monaco-workbench.vs-dark" },
  light: { id: "Default Light Modern", label: "Light Modern", shown: ".monaco-workbench.vs" },
  contrast: { id: "Default High Contrast", label: "Dark High Contrast", shown: ".monaco-workbench.hc-black" },
  "contrast-light": {
    id: "Default High Contrast Light",
    label: "Light High Contrast",
    shown: ".monaco-workbench.hc-light",
  },
};

export interface WorkbenchOptions {
  name: string;
  writeWorkspace: (folder: string) => void;
  /** Names of folders beside the workspace's that are open with it; what writes the workspace makes them. */
  besides?: string[];
  theme?: Theme;
  settings?: Record<string, unknown>;
  /** The folder is opened in Restricted Mode, without a question. */
  untrusted?: boolean;
}

const query = (name: string, path: string) => `${name}=${encodeURIComponent(path)}`;

/** A workspace of several folders is a file that names them. */
function openedWith(workspace: string, besides: readonly string[]): string {
  const file = `${workspace}.code-workspace`;
  const folders = [basename(workspace), ...besides].map((path) => ({ path }));
  writeFileSync(file, JSON.stringify({ folders }));
  return query("workspace", file);
}

const stateOf = (folder: string) => join(folder, "state");

export class Workbench {
  /** The one of the story that is told. */
  static current: Workbench | undefined;

  private constructor(
    readonly name: string,
    readonly folder: string,
    readonly workspace: string,
    readonly page: Page,
    private readonly browser: Browser,
    private readonly server: Awaited<ReturnType<typeof startCodeServer>>,
  ) {}

  static async start({
    name,
    writeWorkspace,
    besides = [],
    theme = "dark",
    settings = {},
    untrusted = false,
  }: WorkbenchOptions): Promise<Workbench> {
    mkdirSync(screenshots, { recursive: true });
    const folder = mkdtempSync(join(tmpdir(), "tunesmith-e2e-"));
    const workspace = join(folder, "shop");
    writeWorkspace(workspace);
    const server = await startCodeServer({
      state: stateOf(folder),
      extensions: inject("extensions"),
      workspaceTrust: untrusted,
      settings: {
        "workbench.colorTheme": themes[theme].id,
        "files.autoSave": "off",
        // The other core is the browser's.
        "tunesmith.threads": 1,
        ...(untrusted ? { "security.workspace.trust.startupPrompt": "never" } : {}),
        ...settings,
      },
    });
    const browser = await launchBrowser();
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
    const page = await context.newPage();
    const workbench = new Workbench(name, folder, workspace, page, browser, server);
    Workbench.current = workbench;
    await page.goto(
      `${server.url}/?${besides.length === 0 ? query("folder", workspace) : openedWith(workspace, besides)}`,
    );
    await workbench.ready();
    return workbench;
  }

  /** Ends VS Code and any engine still at work, and removes what was made. */
  async stop(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
    for (const pid of this.enginePids()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** Where VS Code keeps its own files. */
  get state(): string {
    return stateOf(this.folder);
  }

  async ready(): Promise<void> {
    // The side bar itself may be hidden.
    await this.page.locator(".monaco-workbench .activitybar").waitFor({ timeout: 60_000 });
    // What the extension contributes comes a moment later: its icon, and with it its menu entries.
    await this.page.locator(TUNESMITH_ICON).waitFor({ timeout: 60_000 });
  }

  /** F5, which gives VS Code no time to save: the page, the extension host and all views start anew. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.ready();
  }

  async screenshot(name: string): Promise<void> {
    await this.page.waitForTimeout(FADE_MS);
    await this.page.screenshot({ path: join(screenshots, `${this.name}-${name}.png`) });
  }

  /** A picture, and in words what it may hold as the reason. */
  async describeFailure(): Promise<void> {
    await this.screenshot("failed");
    const said = await this.page.locator(".notification-toast, .monaco-dialog-box:visible").allInnerTexts();
    if (said.length > 0) console.error(`VS Code shows: ${said.join(" | ")}`);
    console.error(`Open: ${(await this.page.locator(".tab").allInnerTexts()).join(" | ")}`);
  }

  /** What VS Code asks at the top: the palette, a choice, a line, a path. */
  get quickInput(): Locator {
    return this.page.locator(".quick-input-widget:visible .quick-input-box input");
  }

  /** A command of the palette, by its title. */
  async command(title: string): Promise<void> {
    await this.askPalette(`>${title}`);
    // Commands that were used lately come first, so the first row need not be the one.
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
    await this.page
      .locator(".quick-input-list .monaco-list-row", { hasText: title })
      .first()
      .waitFor({ state: "hidden" });
  }

  /** A page that comes up takes the focus, and with it the palette away: it is opened again. */
  private async askPalette(text: string): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt++) {
      await this.page.keyboard.press("F1");
      const asked = await this.quickInput.fill(text, { timeout: 5000 }).then(
        () => true,
        () => false,
      );
      if (asked) return;
    }
    throw new Error(`The palette does not stay open for ${text}.`);
  }

  /** Answers a question, told by how it begins, with the item that is called so. */
  async choose(question: string, label: string): Promise<void> {
    const asked = this.page.locator(`.quick-input-widget:visible input[placeholder^="${question}"]`);
    await asked.waitFor();
    const item = this.page.locator(".quick-input-list .monaco-list-row .label-name", { hasText: label }).first();
    await item.waitFor();
    await asked.fill(label);
    await item.click();
  }

  /** Waits for a dialog that asks for a path: it writes one into its field once it has listed a folder, and takes no answer before. */
  async dialogField(listed = (path: string) => path.startsWith("/")): Promise<void> {
    await this.quickInput.waitFor();
    await eventually("the dialog's path", () => this.quickInput.inputValue(), listed);
  }

  async dismissDialog(): Promise<void> {
    await this.page.keyboard.press("Escape");
    await this.quickInput.waitFor({ state: "hidden" });
  }

  /** Answers the dialog that asks for a file or a folder. */
  async choosePath(path: string): Promise<void> {
    await this.dialogField((path) => path.endsWith("/"));
    for (let attempt = 0; attempt < 5; attempt++) {
      await this.quickInput.fill(path);
      await this.page.keyboard.press("Enter");
      const closed = await this.quickInput.waitFor({ state: "hidden", timeout: 3000 }).then(
        () => true,
        () => false,
      );
      if (closed) return;
    }
    throw new Error(`The dialog stays open after five answers with ${path}.`);
  }

  async setTheme(theme: Theme): Promise<void> {
    const { label, shown } = themes[theme];
    if ((await this.page.locator(shown).count()) > 0) return;
    await this.command("Preferences: Color Theme");
    await this.choose("Select Color Theme", label);
    await this.page.locator(shown).waitFor();
  }

  /** One picture in each theme; ends in the dark one. */
  async screenshotsInBothThemes(name: string): Promise<void> {
    await this.screenshotsIn(["light", "dark"], name);
  }

  async screenshotsIn(wanted: readonly Theme[], name: string): Promise<void> {
    for (const theme of wanted) {
      await this.setTheme(theme);
      await this.screenshot(`${name}-${theme}`);
    }
  }

  explorerRow(name: string): Locator {
    return this.page.locator(".explorer-folders-view .monaco-list-row", { hasText: name });
  }

  async showExplorer(): Promise<void> {
    if (!(await this.page.locator(".explorer-folders-view").isVisible())) {
      await this.page.locator('.activitybar .action-label[aria-label^="Explorer"]').click();
    }
    await this.page.locator(".explorer-folders-view").waitFor();
  }

  async openFile(name: string): Promise<void> {
    await this.showExplorer();
    await this.explorerRow(name).dblclick();
    await this.page.locator(".tab.active", { hasText: name }).waitFor();
    await this.page.locator(".editor-instance .view-lines").first().waitFor();
  }

  async contextMenu(row: Locator, item: string, picture?: string): Promise<void> {
    const entry = this.page.locator(".monaco-menu .action-item", { hasText: item }).first();
    await this.openMenu(row, entry);
    if (picture !== undefined) await this.screenshot(picture);
    // A menu takes no click in the moment after it opens, lest the release of the button that opened it choose something.
    const menu = this.page.locator(".monaco-menu-container").first();
    for (let attempt = 0; attempt < 5; attempt++) {
      await entry.hover();
      await entry.click();
      const closed = await menu.waitFor({ state: "hidden", timeout: 2000 }).then(
        () => true,
        () => false,
      );
      if (closed) return;
    }
    throw new Error(`The menu stays open after five clicks on ${item}.`);
  }

  /** A page that comes up closes an open menu, and a new file in the Explorer moves the rows under the pointer. */
  private async openMenu(row: Locator, entry: Locator): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt++) {
      await row.click({ button: "right" });
      const opened = await entry.waitFor({ timeout: 5000 }).then(
        () => true,
        () => false,
      );
      if (opened) return;
      await this.page.keyboard.press("Escape");
    }
    throw new Error("The menu does not show what is wanted of it.");
  }

  /** The cursor, in the active editor, to a place; both counted from 1. */
  async goTo(line: number, column = 1): Promise<void> {
    await this.page.keyboard.press("Control+1");
    await this.page.keyboard.press("Control+G");
    await this.quickInput.waitFor();
    await this.quickInput.fill(`:${line}:${column}`);
    await this.page.keyboard.press("Enter");
    await this.quickInput.waitFor({ state: "hidden" });
  }

  async goToLineEnd(line: number): Promise<void> {
    await this.goTo(line);
    await this.page.keyboard.press("End");
  }

  async save(): Promise<void> {
    await this.page.keyboard.press("Control+S");
    await this.page.locator(".tab.active:not(.dirty)").waitFor();
  }

  read(name: string): string {
    return readFileSync(join(this.workspace, name), "utf8");
  }

  /** The content of the webview that holds `selector`; others may be open as well. */
  async webview(selector: string, timeoutMs = 30_000): Promise<Frame> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const frames = this.page.frames();
      const shown = await Promise.all(frames.map((frame) => this.showsSoon(frame, selector)));
      const found = frames[shown.indexOf(true)];
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`No webview shows ${selector} after ${timeoutMs / 1000} s.`);
      await this.page.waitForTimeout(100);
    }
  }

  /** A frame that is going away may answer never: it is not waited for. */
  private showsSoon(frame: Frame, selector: string): Promise<boolean> {
    const shows = frame.locator(selector).filter({ visible: true }).count();
    return Promise.race([
      shows.then(
        (count) => count > 0,
        () => false,
      ),
      new Promise<boolean>((resolve) => setTimeout(resolve, 1000, false)),
    ]);
  }

  private runsFolder(): string {
    return join(this.workspace, ".tunesmith", "runs");
  }

  /** Without those that are still being made: a run gets its name when it is whole. */
  runs(): string[] {
    if (!existsSync(this.runsFolder())) return [];
    const names = readdirSync(this.runsFolder()).filter((name) => !name.startsWith("."));
    return names.sort();
  }

  /** Events of the engine as the run directory holds them. */
  events(run: string): { type: string; step?: number; [field: string]: unknown }[] {
    const path = join(this.runsFolder(), run, "events.jsonl");
    if (!existsSync(path)) return [];
    const complete = readFileSync(path, "utf8").split("\n").slice(0, -1);
    return complete.map((line) => JSON.parse(line));
  }

  /** A second run with the same files. */
  copyRun(run: string, copy: string): void {
    cpSync(join(this.runsFolder(), run), join(this.runsFolder(), copy), { recursive: true });
  }

  private enginePids(): number[] {
    return this.runs().flatMap((run) => {
      try {
        return [JSON.parse(readFileSync(join(this.runsFolder(), run, "engine.lock"), "utf8")).pid];
      } catch {
        return [];
      }
    });
  }
}

/** Waits until `look` gives something that `enough` accepts. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  enough: (value: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (enough(value)) return value;
    if (Date.now() > deadline) throw new Error(`${what}: still ${JSON.stringify(value)} after ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
