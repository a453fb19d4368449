/** What is told of a run and what is done with runs afterwards: a notification once, a folder for others, deleting several. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addPreparedRun, runRow, saysInTree, showRuns } from "./preparedRun";
import { button, inState, pointsIn, runPanel } from "./runPanel";
import { eventually, Workbench } from "./workbench";

describe("runs that are over", () => {
  let workbench: Workbench;
  let shortRun: string;

  const toast = (text: RegExp) => workbench.page.locator(".notification-toast", { hasText: text });
  const says = (name: string, pattern: RegExp) => saysInTree(workbench, name, pattern);

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "manage", writeWorkspace: (folder) => mkdirSync(folder) });
    shortRun = await addPreparedRun(workbench.workspace, { name: "short", steps: 20 });
    for (const name of ["one", "two", "three"]) await addPreparedRun(workbench.workspace, { name, steps: 30 });
  });
  afterAll(() => workbench?.stop());

  it("are told once, with what came of them", async () => {
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "short"), "Resume Run");
    const finished = toast(/short has finished: eval loss \d\.\d+ → \d\.\d+, \d+ % (lower|higher)\./);
    await finished.waitFor({ timeout: 120_000 });
    await workbench.screenshotsIn(["light", "contrast", "dark"], "1-finished");
    expect(await finished.count()).toBe(1);
    await workbench.reload();
    await showRuns(workbench);
    await says("short", /eval loss/);
    expect(await toast(/has finished/).count()).toBe(0);
  });

  it("are handed on as one folder", async () => {
    const target = join(workbench.folder, "handed-on");
    mkdirSync(target);
    await workbench.contextMenu(runRow(workbench, "short"), "Export Run");
    await workbench.choosePath(`${target}/`);
    const folder = join(target, basename(shortRun));
    const exported = toast(/short is exported to .+: \d+ files\./);
    await exported.getByText(folder).waitFor();
    expect(readFileSync(join(folder, "README.md"), "utf8")).toContain("short");
    expect(existsSync(join(folder, "adapter", "adapter_model.safetensors"))).toBe(true);
    expect(existsSync(join(folder, "trainer_state.json"))).toBe(true);
    // The machine whose file manager could show the folder is not the browser's.
    await exported.getByRole("button", { name: "Open README.md" }).click();
    await workbench.page.locator(".tab.active", { hasText: "Preview README.md" }).waitFor();
  });

  it("are deleted together, after a question that names them", async () => {
    await runRow(workbench, "one").click();
    // A page that comes up would close the menu.
    await runPanel(workbench, "one");
    await runRow(workbench, "three").click({ modifiers: ["Control"] });
    await workbench.contextMenu(runRow(workbench, "one"), "Delete Run");
    const dialog = workbench.page.locator(".monaco-dialog-box");
    await dialog.getByText("Delete 2 runs?").waitFor();
    expect(await dialog.textContent()).toMatch(/one[\s\S]*three|three[\s\S]*one/);
    await workbench.screenshot("2-delete");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    expect(workbench.runs()).toHaveLength(4);
    await workbench.contextMenu(runRow(workbench, "one"), "Delete Run");
    await dialog.getByRole("button", { name: "Delete" }).click();
    const left = await eventually(
      "the runs that are left",
      () => workbench.runs(),
      (runs) => runs.length === 2,
    );
    expect(left).toEqual([expect.stringMatching(/-short$/), expect.stringMatching(/-two$/)]);
    await runRow(workbench, "three").waitFor({ state: "detached" });
    await runRow(workbench, "two").waitFor();
  });

  it("leave their figures on their page where they are deleted elsewhere", async () => {
    await runRow(workbench, "short").click();
    let panel = await runPanel(workbench, "short");
    await inState(panel, "finished");
    await button(panel, "Use for completion").waitFor();
    const away = join(workbench.folder, "away");
    renameSync(shortRun, away);
    const said = () => panel.getByTestId("run-gone").getByText("This run is no longer there");
    await said().waitFor();
    expect(await button(panel, "Use for completion").isVisible()).toBe(false);
    expect(await panel.getByTestId("evaluation").isVisible()).toBe(false);
    expect(await pointsIn(panel)).toBe(20);
    await workbench.screenshotsIn(["light", "contrast", "dark"], "3-gone");
    // A page that was out of sight is made anew.
    await workbench.page.locator(".tab", { hasText: "README.md" }).click();
    await workbench.page.locator(".tab", { hasText: "short" }).click();
    panel = await runPanel(workbench, "short");
    await said().waitFor();
    renameSync(away, shortRun);
    await button(panel, "Use for completion").waitFor();
    expect(await said().isVisible()).toBe(false);
    rmSync(shortRun, { recursive: true });
    await said().waitFor();
  });

  it("are shown in their folder by a command", async () => {
    await workbench.command("Tunesmith: Reveal Run Folder");
    await workbench.explorerRow("-two").waitFor();
  });
});
