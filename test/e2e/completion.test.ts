/** Completion under the fingers: ghost text taken whole and in parts, given up, gone on with; another model, a crash. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addPreparedRun, runRow, showRuns } from "./preparedRun";
import { RUN_MS } from "./runPanel";
import { eventually, Workbench } from "./workbench";

const CODE = `def number_3():\n    return 3\n\n\ndef number_4():\n    return 4\n`;
/** A snippet's tab stop with its default text. */
const stop = (place: number, text: string) => `\${${place}:${text}}`;

const KEYBINDINGS = [
  { key: "ctrl+alt+w", command: "editor.action.inlineSuggest.acceptNextWord" },
  { key: "ctrl+alt+l", command: "editor.action.inlineSuggest.acceptNextLine" },
  { key: "ctrl+alt+t", command: "editor.action.inlineSuggest.trigger" },
  {
    key: "ctrl+alt+s",
    command: "editor.action.insertSnippet",
    args: { snippet: `def number_5():\n    ${stop(1, "pass")}\n\n\n${stop(2, "last")} = 5` },
  },
];

describe("completion", () => {
  let workbench: Workbench;

  const item = (text: string | RegExp): Locator =>
    workbench.page.locator('.statusbar-item a[aria-label^="Tunesmith:"]', { hasText: text });
  const press = (key: string) => workbench.page.keyboard.press(key);
  const type = (text: string) => workbench.page.keyboard.type(text, { delay: 20 });
  const ghosts = async (): Promise<string> => {
    const all = workbench.page.locator(".ghost-text-decoration, .ghost-text-decoration-preview, .ghost-text");
    const texts = await all.filter({ visible: true }).allTextContents();
    return texts.join("").replaceAll("\u00a0", " ");
  };
  const shown = () => eventually("ghost text", ghosts, (text) => text.trim() !== "", 60_000);
  const none = () => eventually("no ghost text", ghosts, (text) => text === "");

  /** Escape closes the suggest widget first, where that is open, and then takes the ghost text away. */
  async function dismiss(): Promise<void> {
    await eventually(
      "no ghost text after Escape",
      async () => {
        await press("Escape");
        return ghosts();
      },
      (text) => text === "",
    );
  }

  /** The file as it is in the editor. */
  async function written(): Promise<string> {
    await workbench.save();
    return workbench.read("numbers.py");
  }

  /** The file is another one on the disk, the editor takes it up, and the cursor is at its end. */
  async function startOver(text: string): Promise<void> {
    await press("Control+1");
    await press("Escape");
    // What is not saved is given up; VS Code would write it even where nothing has changed, and perhaps after this.
    writeFileSync(join(workbench.workspace, "numbers.py"), text);
    await workbench.command("File: Revert File");
    const lines = text.split("\n").length;
    await eventually(
      "the file from the disk",
      async () =>
        Math.max(...(await workbench.page.locator(".editor-instance .line-numbers").allTextContents()).map(Number)),
      (last) => last === lines,
    );
    await workbench.goToLineEnd(lines);
  }

  /** The pid of this workbench's completion worker; other VS Codes may be at work on the machine. */
  function workers(): number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          const isWorker = readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("completion-worker.js");
          return isWorker && readFileSync(`/proc/${pid}/environ`, "utf8").includes(workbench.folder);
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  beforeAll(async () => {
    const writeWorkspace = (folder: string) => {
      mkdirSync(folder);
      writeFileSync(join(folder, "numbers.py"), CODE);
      const settings = join(folder, "..", "state", "user", "User");
      mkdirSync(settings, { recursive: true });
      writeFileSync(join(settings, "keybindings.json"), JSON.stringify(KEYBINDINGS));
    };
    workbench = await Workbench.start({ name: "completion", writeWorkspace });
    await addPreparedRun(workbench.workspace, { name: "first", steps: 30 });
    await addPreparedRun(workbench.workspace, { name: "second", steps: 20 });
  });
  afterAll(() => workbench?.stop());

  it("has two tuned models to choose from", async () => {
    await showRuns(workbench);
    for (const name of ["first", "second"]) {
      await workbench.contextMenu(runRow(workbench, name), "Resume Run");
      await eventually(
        `the end of ${name}`,
        () => runRow(workbench, name).textContent(),
        (text) => /eval loss/.test(text ?? ""),
        RUN_MS,
      );
    }
    await workbench.contextMenu(runRow(workbench, "first"), "Use for Completion");
    await item("first").waitFor({ timeout: RUN_MS });
    await workbench.openFile("numbers.py");
  });

  it("shows ghost text that Tab takes", async () => {
    await startOver(`${CODE}\n\n`);
    await type("def number_5():\n");
    const ghost = await shown();
    for (const theme of ["light", "contrast", "dark"] as const) {
      await workbench.setTheme(theme);
      await press("Control+1");
      await press("Control+Alt+t");
      expect(await shown()).toBe(ghost);
      await workbench.screenshot(`1-ghost-text-${theme}`);
    }
    await press("Tab");
    await none();
    expect(await written()).toBe(`${CODE}\n\ndef number_5():\n    ${ghost.trim()}`);
  });

  it("lets the bracket that the editor closed be replaced, not doubled", async () => {
    await startOver("import math\n\n\ndef area(radius):\n    return math.pi * pow(radius, 2)\n\n\n");
    await type("print(area");
    await type("(");
    await press("Control+Alt+t");
    const ghost = await shown();
    await press("Tab");
    // What may follow it is of no interest here.
    await dismiss();
    const [line] = (await written()).split("\n").slice(7);
    expect(line!.startsWith(`print(area(${ghost.trim()[0]}`)).toBe(true);
    expect(line!.match(/\(/g)!.length).toBe(line!.match(/\)/g)!.length);
  });

  it("is taken by the word and by the line, and the rest stays offered", async () => {
    await startOver(`${CODE}\n\n`);
    await type("def number_6():\n");
    const ghost = (await shown()).trim();
    const [word = ""] = /^\S+/.exec(ghost)!;
    await press("Control+Alt+w");
    await eventually("the rest", ghosts, (text) => text.trim() === ghost.slice(word.length).trim());
    await workbench.screenshot("2-word-taken");
    expect(await written()).toBe(`${CODE}\n\ndef number_6():\n    ${word}`);
    await press("Control+Alt+t");
    expect((await shown()).trim()).toBe(ghost.slice(word.length).trim());
    await press("Control+Alt+l");
    await none();
    expect((await written()).trimEnd()).toBe(`${CODE}\n\ndef number_6():\n    ${ghost}`);
  });

  it("lets Tab go on to a snippet's next tab stop, and keeps the stops where a suggestion is taken", async () => {
    await startOver(`${CODE}\n\n`);
    await press("Control+Alt+s");
    await press("Backspace");
    await press("Control+Alt+t");
    const ghost = (await shown()).trim();
    await workbench.screenshot("3-in-a-snippet");
    await press("Tab");
    await none();
    await workbench.page.keyboard.insertText("done");
    expect(await written()).toMatch(/def number_5\(\):\n *\n\n\ndone = 5$/);

    await startOver(`${CODE}\n\n`);
    await press("Control+Alt+s");
    await press("Backspace");
    await press("Control+Alt+t");
    await shown();
    await press("Control+Alt+l");
    await press("Tab");
    await workbench.page.keyboard.insertText("done");
    const [first] = ghost.split("\n");
    expect(await written()).toBe(`${CODE}\n\ndef number_5():\n    ${first}\n\n\ndone = 5`);
  });

  it("goes on showing what is left while it is typed along, and back", async () => {
    await startOver(`${CODE}\n\n`);
    await type("def number_7():\n");
    const ghost = (await shown()).trim();
    await type(ghost.slice(0, 3));
    await eventually("the rest", ghosts, (text) => text.trim() === ghost.slice(3));
    await press("Backspace");
    await eventually("a letter more", ghosts, (text) => text.trim() === ghost.slice(2));
    await dismiss();
  });

  it("is given up with Escape and by typing something else", async () => {
    await startOver(`${CODE}\n\n`);
    await type("def number_8():\n");
    await shown();
    await dismiss();
    await type("# a note");
    await none();
    expect(await written()).toBe(`${CODE}\n\ndef number_8():\n    # a note`);
  });

  it("rolls back to what is still the same after an edit in the middle", async () => {
    await startOver(`${CODE}\n\n`);
    await type("def number_9():\n");
    await shown();
    await dismiss();
    await workbench.goToLineEnd(2);
    await type("0");
    await workbench.goToLineEnd(10);
    await press("Control+Alt+t");
    const ghost = (await shown()).trim();
    // VS Code took the empty line's indentation away: Tab puts it back, and only then takes what is left.
    await press("Tab");
    await eventually("the rest", ghosts, (text) => text === ghost);
    await press("Tab");
    await none();
    const changed = CODE.replace("return 3", "return 30");
    expect(await written()).toBe(`${changed}\n\ndef number_9():\n    ${ghost}`);
  });

  it("is silent while it is turned off", async () => {
    await startOver(`${CODE}\n\n`);
    await workbench.command("Tunesmith: Turn Completion On or Off");
    await workbench.page.locator(".statusbar-item .codicon-circle-slash").waitFor();
    await press("Control+1");
    await type("def number_5():\n");
    await press("Control+Alt+t");
    expect(await written()).toBe(`${CODE}\n\ndef number_5():\n    `);
    expect(await ghosts()).toBe("");
    await workbench.command("Tunesmith: Turn Completion On or Off");
    await workbench.page.locator(".statusbar-item .codicon-circle-slash").waitFor({ state: "detached" });
    await press("Control+1");
    await press("Control+Alt+t");
    await shown();
    await dismiss();
  });

  it("changes over to another model", async () => {
    const [before] = workers();
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "second"), "Use for Completion");
    await item("second").waitFor({ timeout: RUN_MS });
    await startOver(`${CODE}\n\n`);
    await type("def number_6():\n");
    await shown();
    const after = workers();
    expect(after).toHaveLength(1);
    expect(after[0]).not.toBe(before);
    await press("Escape");
  });

  it("completes again after its worker has crashed", async () => {
    const [pid] = workers();
    process.kill(pid!, "SIGKILL");
    await eventually("another worker", workers, (found) => found.length === 1 && found[0] !== pid, 60_000);
    await startOver(`${CODE}\n\n`);
    await type("def number_7():\n");
    const ghost = (await shown()).trim();
    await press("Tab");
    await none();
    expect(await written()).toBe(`${CODE}\n\ndef number_7():\n    ${ghost}`);
    // Once is silent.
    expect(await workbench.page.locator(".notification-toast").count()).toBe(0);
  });
});
