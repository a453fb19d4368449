import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { BROKEN_ROW } from "../../scripts/vscode/sample-workspace.mjs";
import { children, heavyParts, isLoaded } from "./loaded";
import { createSuite, eventually } from "./suite";

const suite = createSuite();
export const run = () => suite.run();

const extension = () => {
  const found = vscode.extensions.getExtension("tunesmith.tunesmith");
  assert(found, "the extension is not there");
  return found;
};
const folder = () => vscode.workspace.workspaceFolders![0]!.uri;
const file = (name: string) => vscode.Uri.joinPath(folder(), name);
const ours = (uri: vscode.Uri) =>
  vscode.languages.getDiagnostics(uri).filter((diagnostic) => /tunesmith/i.test(diagnostic.source ?? ""));

suite.add("activates, and not before it is needed", async () => {
  assert.equal(extension().isActive, false);
  const start = performance.now();
  await extension().activate();
  assert.equal(extension().isActive, true);
  return `${(performance.now() - start).toFixed(0)} ms from start to end of activation`;
});

suite.add(
  "activation loads neither onnxruntime nor tokenizers nor the language client, and starts no process",
  async () => {
    assert.deepEqual(heavyParts(), []);
    assert.equal(isLoaded("extension.js"), true);
    assert.equal(isLoaded("language-client.js"), false);
    assert.deepEqual(
      children().filter((command) => command.includes(extension().extensionPath)),
      [],
    );
  },
);

suite.add("registers every command of its manifest", async () => {
  const registered = new Set(await vscode.commands.getCommands(true));
  const declared: string[] = extension().packageJSON.contributes.commands.map(
    (entry: { command: string }) => entry.command,
  );
  assert(declared.includes("tunesmith.fineTune"));
  assert.deepEqual(
    declared.filter((command) => !registered.has(command)),
    [],
  );
  return `${declared.length} commands`;
});

suite.add("leaves folders without runs as they were", async () => {
  assert.equal(existsSync(join(folder().fsPath, ".tunesmith")), false);
});

suite.add("shows a broken row as VS Code's own jsonl language", async () => {
  const document = await vscode.workspace.openTextDocument(file("functions.jsonl"));
  await vscode.window.showTextDocument(document);
  assert.equal(document.languageId, "jsonl");
  const [diagnostic] = await eventually(
    "diagnostics",
    () => ours(document.uri),
    (found) => found.length > 0,
  );
  assert.equal(ours(document.uri).length, 1);
  assert.equal(diagnostic!.severity, vscode.DiagnosticSeverity.Error);
  assert.equal(diagnostic!.range.start.line, BROKEN_ROW - 1);
  assert.equal(isLoaded("language-client.js"), true);
  return diagnostic!.message;
});

suite.add("takes the squiggle away when the row is mended, and brings it back", async () => {
  const uri = file("functions.jsonl");
  const document = await vscode.workspace.openTextDocument(uri);
  const end = document.lineAt(BROKEN_ROW - 1).range.end;
  const mend = new vscode.WorkspaceEdit();
  mend.insert(uri, end, "}");
  assert.equal(await vscode.workspace.applyEdit(mend), true);
  await eventually(
    "diagnostics",
    () => ours(uri).length,
    (count) => count === 0,
  );
  const breakAgain = new vscode.WorkspaceEdit();
  breakAgain.delete(uri, new vscode.Range(end, end.translate(0, 1)));
  assert.equal(await vscode.workspace.applyEdit(breakAgain), true);
  await eventually(
    "diagnostics",
    () => ours(uri).length,
    (count) => count === 1,
  );
});

suite.add("validating loads nothing heavy into the extension host", async () => {
  assert.deepEqual(heavyParts(), []);
});

suite.add("offers nothing in Python while no model is in use, and starts no worker", async () => {
  const document = await vscode.workspace.openTextDocument(file("shop.py"));
  const editor = await vscode.window.showTextDocument(document);
  const end = document.lineAt(document.lineCount - 1).range.end;
  editor.selection = new vscode.Selection(end, end);
  const before = document.getText();
  await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
  await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
  assert.equal(document.getText(), before);
  assert.deepEqual(heavyParts(), []);
  assert.deepEqual(
    children().filter((command) => command.includes("completion-worker")),
    [],
  );
});

suite.add("keeps run directories out of search and of the file watcher", async () => {
  const watcher = vscode.workspace.getConfiguration("files").get<Record<string, boolean>>("watcherExclude")!;
  const search = vscode.workspace.getConfiguration("search").get<Record<string, boolean>>("exclude")!;
  for (const patterns of [watcher, search]) {
    const excluded = Object.entries(patterns).some(([pattern, on]) => on && pattern.includes(".tunesmith"));
    assert.equal(excluded, true, JSON.stringify(patterns));
  }
});

suite.add("takes no program and no model path from a folder's settings", async () => {
  mkdirSync(join(folder().fsPath, ".vscode"), { recursive: true });
  const settings = {
    "tunesmith.enginePath": "/tmp/not-mine",
    "tunesmith.defaultModel": "/tmp/not-mine",
    "tunesmith.modelPaths": ["/tmp/not-mine"],
    "tunesmith.runsFolder": "/tmp/not-mine",
    "editor.rulers": [77],
  };
  writeFileSync(join(folder().fsPath, ".vscode", "settings.json"), JSON.stringify(settings));
  // Seen once another setting of the same file has arrived.
  await eventually(
    "the folder's settings",
    () => vscode.workspace.getConfiguration("editor").get<number[]>("rulers")!,
    (rulers) => rulers.includes(77),
  );
  const configuration = vscode.workspace.getConfiguration("tunesmith");
  for (const name of ["enginePath", "defaultModel", "modelPaths", "runsFolder"]) {
    assert.doesNotMatch(JSON.stringify(configuration.get(name)), /not-mine/, name);
  }
});
