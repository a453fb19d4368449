/** What the provider makes of the documents that VS Code really has: line ends, cells, cursors, what cannot be written. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import { InlineCompletions } from "../../src/extension/completion/provider";
import type { Services } from "../../src/extension/context";
import type { CodeQuestion } from "../../src/protocol/worker";
import { createSuite, eventually } from "./suite";

const suite = createSuite();
export const run = () => suite.run();

const root = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;

/** The provider on a model that always says the same, unless there is `on: false`. */
function providerOf(answer: string) {
  const questions: CodeQuestion[] = [];
  const offered: { offset: number; text: string }[] = [];
  const state = { on: true };
  const services = {
    completion: {
      state: { kind: "ready", choice: { directory: "run", name: "run" } },
      onDidChange: () => ({ dispose() {} }),
      complete: async (question: CodeQuestion) => {
        questions.push(question);
        return { text: answer, firstTokenMs: 1, exportDir: "export" };
      },
      forget() {},
    },
    completionContext: { gather: async () => ({ snippets: [], instruction: null }) },
    completionSwitch: { isEnabled: () => state.on },
    completionStatistics: { offered: (offer: { offset: number; text: string }) => void offered.push(offer) },
  };
  const provider = new InlineCompletions(services as unknown as Services);
  const ask = (
    document: vscode.TextDocument,
    position: vscode.Position,
    selectedCompletionInfo?: vscode.SelectedCompletionInfo,
  ) =>
    provider.provideInlineCompletionItems(
      document,
      position,
      {
        triggerKind: vscode.InlineCompletionTriggerKind.Invoke,
        selectedCompletionInfo,
      } as vscode.InlineCompletionContext,
      new vscode.CancellationTokenSource().token,
    );
  return { provider, questions, offered, state, ask };
}

async function open(path: string, text: string): Promise<vscode.TextEditor> {
  const file = join(root(), path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return vscode.window.showTextDocument(await vscode.workspace.openTextDocument(vscode.Uri.file(file)), {
    preview: false,
  });
}

const endOf = (document: vscode.TextDocument) => document.lineAt(document.lineCount - 1).range.end;

suite.add("asks with \\n and splices into a document of \\r\\n; notices what is taken, and asks ahead", async () => {
  const { provider, questions, ask, offered } = providerOf("\n    total = 1\n    return total");
  const editor = await open("crlf.py", "import os\r\n\r\n\r\ndef f():");
  const { document } = editor;
  const [item] = await ask(document, endOf(document));
  assert.equal(questions[0]!.prefix, "import os\n\n\ndef f():");
  assert.equal(questions[0]!.multiline, true);
  assert.equal(offered[0]!.offset, document.offsetAt(endOf(document)));
  await editor.edit((edit) => edit.replace(item!.range!, item!.insertText as string));
  assert.equal(document.getText(), "import os\r\n\r\n\r\ndef f():\r\n    total = 1\r\n    return total");
  await eventually(
    "the question ahead",
    () => questions,
    (asked) => asked.length === 2,
  );
  assert.equal(questions[1]!.ahead, true);
  assert.equal(questions[1]!.prefix, "import os\n\n\ndef f():\n    total = 1\n    return total");
  provider.dispose();
});

suite.add("replaces the bracket that the editor has closed", async () => {
  const { provider, ask } = providerOf("name, price)");
  const editor = await open("brackets.py", "add()");
  const [item] = await ask(editor.document, new vscode.Position(0, 4));
  assert.deepEqual(item!.range, new vscode.Range(0, 4, 0, 5));
  await editor.edit((edit) => edit.replace(item!.range!, item!.insertText as string));
  assert.equal(editor.document.getText(), "add(name, price)");
  provider.dispose();
});

suite.add("begins with what the suggest widget has chosen, and replaces what that replaces", async () => {
  const { provider, questions, ask, offered } = providerOf("(path, mode)");
  const editor = await open("widget.py", "file = op");
  const range = new vscode.Range(0, 7, 0, 9);
  const [item] = await ask(editor.document, new vscode.Position(0, 9), { range, text: "open_file" });
  assert.equal(questions[0]!.prefix, "file = open_file");
  assert.equal(item!.insertText, "open_file(path, mode)");
  assert.deepEqual(item!.range, range);
  assert.equal(offered[0]!.text, "en_file(path, mode)");
  provider.dispose();
});

suite.add("offers nothing to several cursors or a selection, such as a snippet's placeholder", async () => {
  const { provider, questions, ask } = providerOf("value + 1");
  const editor = await open("cursors.py", "a = \nb = \n");
  const places = [new vscode.Position(0, 4), new vscode.Position(1, 4)] as const;
  editor.selections = places.map((place) => new vscode.Selection(place, place));
  assert.deepEqual(await ask(editor.document, places[0]), []);
  editor.selection = new vscode.Selection(0, 0, 0, 4);
  assert.deepEqual(await ask(editor.document, places[0]), []);
  assert.equal(questions.length, 0);
  editor.selection = new vscode.Selection(places[0], places[0]);
  assert.equal((await ask(editor.document, places[0])).length, 1);
  provider.dispose();
});

/** A snippet's tab stop with its default text. */
const stop = (place: number, text: string) => `\${${place}:${text}}`;

/** In a snippet's session: `typed` at its first stop, the suggestion taken, then on to the next stop; what is chosen there. */
async function takeInSnippet(name: string, snippet: string, typed: string, answer: string) {
  const { provider } = providerOf(answer);
  const editor = await open(name, "");
  await editor.insertSnippet(new vscode.SnippetString(snippet), new vscode.Position(0, 0));
  await vscode.commands.executeCommand("type", { text: typed });
  const before = editor.document.getText();
  await eventually(
    "the suggestion taken",
    async () => {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      return editor.document.getText();
    },
    (text) => text !== before,
  );
  provider.dispose();
  const text = editor.document.getText();
  await vscode.commands.executeCommand("jumpToNextSnippetPlaceholder");
  return { text, chosen: editor.document.getText(editor.selection) };
}

suite.add("leaves a snippet's tab stops where they are when a suggestion is taken in it", async () => {
  const loop = await takeInSnippet(
    "loop.py",
    `for ${stop(1, "item")} in ${stop(2, "items")}:\n    ${stop(0, "pass")}`,
    "row",
    "_id",
  );
  assert.deepEqual(loop, { text: "for row_id in items:\n    pass", chosen: "items" });
  const call = await takeInSnippet("call.py", `print(${stop(1, "value")})\n${stop(2, "more")}`, "x", ", y)");
  assert.deepEqual(call, { text: "print(x, y)\nmore", chosen: "more" });
  const block = await takeInSnippet(
    "block.py",
    `if ${stop(1, "test")}:\n    ${stop(2, "pass")}\n${stop(3, "last")}`,
    "x",
    " > 1:",
  );
  assert.deepEqual(block, { text: "if x > 1:\n    pass\nlast", chosen: "pass" });
});

suite.add("offers nothing where it is turned off", async () => {
  const { provider, questions, state, ask } = providerOf("value + 1");
  const { document } = await open("off.py", "a = ");
  state.on = false;
  assert.deepEqual(await ask(document, endOf(document)), []);
  assert.equal(questions.length, 0);
  provider.dispose();
});

suite.add("offers nothing in a file that cannot be written", async () => {
  const { provider, questions, ask } = providerOf("value + 1");
  const file = join(root(), "locked.py");
  writeFileSync(file, "a = ");
  chmodSync(file, 0o444);
  const uri = vscode.Uri.file(file);
  const { permissions = 0 } = await vscode.workspace.fs.stat(uri);
  const document = await vscode.workspace.openTextDocument(uri);
  const items = await ask(document, endOf(document));
  provider.dispose();
  // Who runs as root may write whatever the mode says, and VS Code then calls the file writable.
  if ((permissions & vscode.FilePermission.Readonly) === 0) return "VS Code calls a file of mode 444 writable here";
  assert.deepEqual(items, []);
  assert.equal(questions.length, 0);
  return undefined;
});

suite.add("completes files that have no name yet", async () => {
  const { provider, questions, ask } = providerOf("value + 1");
  const document = await vscode.workspace.openTextDocument({ language: "python", content: "a = " });
  await vscode.window.showTextDocument(document);
  assert.equal((await ask(document, endOf(document)))[0]!.insertText, "value + 1");
  assert.equal(questions[0]!.prefix, "a = ");
  provider.dispose();
});

suite.add("knows a notebook's cells above, as one document", async () => {
  const { provider, questions, ask } = providerOf("value + 1");
  const code = (text: string) => new vscode.NotebookCellData(vscode.NotebookCellKind.Code, text, "python");
  const notes = new vscode.NotebookCellData(vscode.NotebookCellKind.Markup, "# It's a title", "markdown");
  const data = new vscode.NotebookData([
    code("%load x\nimport os\n"),
    notes,
    code("value = 1"),
    code("b = "),
    code("c"),
  ]);
  const notebook = await vscode.workspace.openNotebookDocument("jupyter-notebook", data);
  const { document } = notebook.cellAt(3);
  assert.equal((await ask(document, endOf(document)))[0]!.insertText, "value + 1");
  assert.equal(questions[0]!.document, notebook.uri.toString());
  assert.equal(questions[0]!.prefix, "# %load x\nimport os\n\nvalue = 1\n\nb = ");
  assert.equal(questions[0]!.suffix, "");
  assert.deepEqual(await ask(notebook.cellAt(0).document, new vscode.Position(0, 7)), []);
  assert.equal(questions.length, 1);
  provider.dispose();
});

suite.add("serves what is typed along from memory, in files of any size", async () => {
  const { provider, questions, ask } = providerOf("alpha + beta");
  const editor = await open("large.py", `${"# a line of a large file\n".repeat(100_000)}x = `);
  const { document } = editor;
  await ask(document, endOf(document));
  assert.equal(questions[0]!.prefix.length, 24_000);
  await editor.edit((edit) => edit.insert(endOf(document), "alpha"));
  const start = performance.now();
  const [item] = await ask(document, endOf(document));
  const took = performance.now() - start;
  assert.equal(item!.insertText, " + beta");
  assert.equal(questions.length, 1);
  provider.dispose();
  return `${took.toFixed(1)} ms in a file of 2.5 MB`;
});
