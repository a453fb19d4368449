import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { BROKEN_ROW } from "../../scripts/vscode/sample-workspace.mjs";
import { children, heavyParts } from "./loaded";
import { createSuite, eventually } from "./suite";

const suite = createSuite();
export const run = () => suite.run();

const folder = () => vscode.workspace.workspaceFolders![0]!.uri;
const dataset = () => vscode.Uri.joinPath(folder(), "functions.jsonl");

suite.add("runs in restricted mode", async () => {
  assert.equal(vscode.workspace.isTrusted, false);
});

suite.add("validates there as well", async () => {
  await vscode.window.showTextDocument(dataset());
  const found = await eventually(
    "diagnostics",
    () => vscode.languages.getDiagnostics(dataset()),
    (diagnostics) => diagnostics.length > 0,
  );
  assert.equal(found[0]!.range.start.line, BROKEN_ROW - 1);
});

suite.add("starts no run, opens no panel and runs no program there", async () => {
  const problems: unknown[] = [];
  for (const command of ["tunesmith.fineTune", "tunesmith.useForCompletion"]) {
    // Not awaited: the command says why it does nothing, in a message that waits for its reader.
    vscode.commands.executeCommand(command, dataset()).then(undefined, (error) => problems.push(error));
  }
  // That nothing happens can only be seen by waiting a while.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.deepEqual(problems, []);
  const panels = vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter((tab) => tab.input instanceof vscode.TabInputWebview);
  assert.deepEqual(
    panels.map((tab) => tab.label),
    [],
  );
  assert.equal(existsSync(join(folder().fsPath, ".tunesmith")), false);
  assert.deepEqual(heavyParts(), []);
  assert.deepEqual(
    children().filter((command) => /tunesmith-engine|completion-worker|dist\/cli\.js/.test(command)),
    [],
  );
});

suite.add("shows the data set view there as well", async () => {
  await vscode.commands.executeCommand("tunesmith.openDatasetView", dataset());
  const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  await eventually(
    "the view's tab",
    () => tabs().filter((tab) => tab.input instanceof vscode.TabInputWebview),
    (views) => views.length === 1 && views[0]!.label === "functions.jsonl",
  );
});
