/** What is gathered of a workspace for a completion: through language features where there are some, else by reading. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import { CompletionContext } from "../../src/extension/completion/context/completionContext";
import { IgnoredFiles } from "../../src/extension/completion/context/ignoredFiles";
import { importedDefinitions } from "../../src/extension/completion/context/importedDefinitions";
import { createSuite, eventually } from "./suite";

const suite = createSuite();
export const run = () => suite.run();

const root = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;
const never = new AbortController().signal;

function write(path: string, text: string): vscode.Uri {
  const file = join(root(), path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return vscode.Uri.file(file);
}

async function definitionsOf(path: string, text: string) {
  const document = await vscode.workspace.openTextDocument(write(path, text));
  const ignored = new IgnoredFiles();
  try {
    return await importedDefinitions([document], ignored, never);
  } finally {
    ignored.dispose();
  }
}

const DATES =
  'LIMIT = 3\n\n\ndef parse(text, *, strict=False):\n    """Parse."""\n    return text\n\n\nclass Date:\n    def month(self) -> int:\n        return 1\n';

suite.add("finds what a file imports from the workspace by reading", async () => {
  write("shop/__init__.py", "");
  write("shop/dates.py", DATES);
  write("shop/money/__init__.py", "def round_up(price):\n    return price\n");
  const found = await definitionsOf(
    "shop/orders.py",
    "import os\nfrom .dates import parse, LIMIT, Date as D\nfrom . import money\nfrom shop import missing\n\nx = money.round_up(1)\n",
  );
  assert.deepEqual(found, [
    {
      kind: "definition",
      path: "shop/dates.py",
      text: "def parse(text, *, strict=False): ...\nLIMIT = 3\nclass Date:\n    def month(self) -> int: ...",
    },
    { kind: "definition", path: "shop/money/__init__.py", text: "def round_up(price): ..." },
  ]);
});

suite.add("never shows what is hidden, secret, excluded, linked, large or outside", async () => {
  const outside = mkdtempSync(join(tmpdir(), "tunesmith-outside-"));
  writeFileSync(join(outside, "elsewhere.py"), DATES);
  symlinkSync(join(outside, "elsewhere.py"), join(root(), "linked.py"));
  for (const path of [".hidden/dates.py", "secrets.py", "venv/dates.py", "generated/dates.py"]) write(path, DATES);
  write("large.py", DATES + "#".repeat(1_000_001));
  const files = vscode.workspace.getConfiguration("files");
  await files.update("exclude", { "**/generated": true }, vscode.ConfigurationTarget.Workspace);
  const names = ["linked", "secrets", "venv.dates", "generated.dates", "large"];
  const text = names.map((name) => `from ${name} import parse\n`).join("");
  assert.deepEqual(await definitionsOf("app.py", text), []);
  const inLink = `from ...${"x".repeat(300)} import parse\nfrom ....elsewhere import parse\n`;
  assert.deepEqual(await definitionsOf("shop/app.py", inLink), []);
  await files.update("exclude", undefined, vscode.ConfigurationTarget.Workspace);
});

suite.add("never shows what Git ignores, whatever .gitignore files say later", async () => {
  const ignored = new IgnoredFiles();
  const find = async () => {
    const document = await vscode.workspace.openTextDocument(join(root(), "importing.py"));
    return (await importedDefinitions([document], ignored, never)).map(({ path }) => path);
  };
  write("importing.py", "from drafts.a import parse\nfrom drafts.kept import parse\nfrom made.b import parse\n");
  for (const path of ["drafts/a.py", "drafts/kept.py", "made/b.py"]) write(path, DATES);
  write(".gitignore", "drafts/*\n");
  write("drafts/.gitignore", "!kept.py\n");
  await eventually("what is not ignored", find, (paths) => paths.join() === "drafts/kept.py,made/b.py");
  assert.equal(await ignored.isIgnored(vscode.Uri.file(join(root(), "drafts/a.py"))), true);
  write(".gitignore", "made\n");
  await eventually("what is not ignored now", find, (paths) => paths.join() === "drafts/a.py,drafts/kept.py");
  // Nobody knows what a file says that is too long to be read.
  write("drafts/.gitignore", "#".repeat(70_000));
  await eventually("what can be known", find, (paths) => paths.length === 0);
  for (const path of [".gitignore", "drafts/.gitignore"]) rmSync(join(root(), path));
  await eventually("all", find, (paths) => paths.length === 3);
  ignored.dispose();
});

suite.add("forgets edits of files that Git ignores, and what was gathered where that changes", async () => {
  const watcher = vscode.workspace.createFileSystemWatcher("**/.gitignore");
  const written = new Promise((resolve) => watcher.onDidCreate(resolve));
  write(".gitignore", "scratch.py\n");
  await written;
  watcher.dispose();
  const completion = { state: { kind: "ready" } };
  const context = new CompletionContext(completion as ConstructorParameters<typeof CompletionContext>[0]);
  const edit = new vscode.WorkspaceEdit();
  for (const name of ["scratch.py", "open.py"]) {
    const { uri } = await vscode.workspace.openTextDocument(write(name, "x = 1\n"));
    edit.insert(uri, new vscode.Position(1, 0), "def edited_here():\n    return 2\n");
  }
  const document = await vscode.workspace.openTextDocument(write("asking.py", "y = "));
  await vscode.workspace.applyEdit(edit);
  await vscode.window.showTextDocument(document, { preview: false });
  const end = document.lineAt(0).range.end;
  const paths = async () => (await context.gather(document, end, never)).snippets.map(({ path }) => path).join();
  await eventually("the edits", paths, (found) => found === "open.py");
  write(".gitignore", "scratch.py\nopen.py\n");
  await eventually("nothing", paths, (found) => found === "");
  rmSync(join(root(), ".gitignore"));
  context.dispose();
});

suite.add("gathers for a notebook's cell what its cells import", async () => {
  const completion = { state: { kind: "ready" } };
  const context = new CompletionContext(completion as ConstructorParameters<typeof CompletionContext>[0]);
  const cell = (source: string) => ({ cell_type: "code", source, metadata: {}, outputs: [], execution_count: null });
  const cells = [cell("%matplotlib inline\nfrom shop.dates import parse"), cell("when = ")];
  const metadata = { language_info: { name: "python" } };
  const uri = write("notes/plot.ipynb", JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  const notebook = await vscode.workspace.openNotebookDocument(uri);
  const { document } = notebook.cellAt(1);
  await vscode.languages.setTextDocumentLanguage(document, "python");
  const gathered = await eventually(
    "the definitions",
    () => context.gather(document, document.lineAt(0).range.end, never),
    ({ snippets }) => snippets.length > 0,
  );
  assert.deepEqual(
    gathered.snippets.map(({ kind, path }) => `${kind} ${path}`),
    ["definition shop/dates.py"],
  );
  context.dispose();
});

suite.add("asks the language features that are there, and believes them where a name is defined", async () => {
  const uri = write("shop/deep/impl.py", `${DATES}\n\ndef parse(text, again):\n    return text\n`);
  const outside = vscode.Uri.file(join(tmpdir(), "elsewhere.py"));
  const targets: Record<string, vscode.Location> = {
    parse: new vscode.Location(uri, new vscode.Position(13, 4)),
    other: new vscode.Location(outside, new vscode.Position(3, 4)),
  };
  const subscriptions = [
    vscode.languages.registerDefinitionProvider("python", {
      provideDefinition: (document, position) => targets[document.getText(document.getWordRangeAtPosition(position))],
    }),
    vscode.languages.registerDocumentSymbolProvider("python", { provideDocumentSymbols: () => [] }),
  ];
  const found = await definitionsOf("facade.py", "from somewhere import (\n    other,\n    parse,\n)\n");
  for (const subscription of subscriptions) subscription.dispose();
  assert.deepEqual(found, [{ kind: "definition", path: "shop/deep/impl.py", text: "def parse(text, again): ..." }]);
});

suite.add("does without a language feature that does not answer", async () => {
  const subscription = vscode.languages.registerDefinitionProvider("python", {
    provideDefinition: () => new Promise<never>(() => {}),
  });
  const found = await definitionsOf("slow.py", "from shop.dates import parse\n");
  subscription.dispose();
  assert.deepEqual(
    found.map(({ path }) => path),
    ["shop/dates.py"],
  );
});

suite.add("hands out definitions, edits elsewhere and similar code, and what a comment asks for", async () => {
  const completion = { state: { kind: "off" } };
  const context = new CompletionContext(completion as ConstructorParameters<typeof CompletionContext>[0]);
  const rows = (name: string) =>
    Array.from({ length: 12 }, (_, i) => `    ${name}_${i} = read_row(table_path, row_limit, ${i})\n`).join("");
  const similar = await vscode.workspace.openTextDocument(
    write("similar.py", `def read_rows(table_path):\n${rows("row")}`),
  );
  await vscode.window.showTextDocument(similar, { preview: false });
  const other = await vscode.workspace.openTextDocument(write("edited.py", "x = 1\n"));
  const code = `from shop.dates import parse\n\n\ndef load(table_path, row_limit):\n${rows("row")}    # parse the date of each row\n    `;
  const document = await vscode.workspace.openTextDocument(write("main.py", code));
  const end = document.lineAt(document.lineCount - 1).range.end;

  assert.deepEqual((await context.gather(document, end, never)).snippets, []);
  completion.state.kind = "ready";
  const edit = new vscode.WorkspaceEdit();
  edit.insert(other.uri, new vscode.Position(1, 0), "def edited_last():\n    return 2\n");
  await vscode.workspace.applyEdit(edit);
  await vscode.window.showTextDocument(document, { preview: false });
  const gathered = await eventually(
    "the snippets",
    () => context.gather(document, end, never),
    ({ snippets }) => snippets.length >= 3,
  );
  assert.deepEqual(
    gathered.snippets.map(({ kind, path }) => `${kind} ${path}`),
    ["definition shop/dates.py", "edit edited.py", "similar similar.py"],
  );
  assert.equal(gathered.instruction, "parse the date of each row");
  // The same bytes at the next key: the KV cache hangs on it.
  assert.deepEqual((await context.gather(document, end, never)).snippets, gathered.snippets);
  const start = performance.now();
  for (let i = 0; i < 50; ++i) await context.gather(document, end, never);
  const each = (performance.now() - start) / 50;

  const settings = vscode.workspace.getConfiguration("tunesmith");
  await settings.update("completion.contextTokens", 0, vscode.ConfigurationTarget.Workspace);
  assert.deepEqual((await context.gather(document, end, never)).snippets, []);
  await settings.update("completion.contextTokens", undefined, vscode.ConfigurationTarget.Workspace);
  context.dispose();
  return `${each.toFixed(2)} ms to hand out`;
});
