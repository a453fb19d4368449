import * as vscode from "vscode";
import type { ContextSnippet } from "../../../protocol/worker";
import { fileUri } from "../documentText";
import type { IgnoredFiles } from "./ignoredFiles";
import { type Header, headersOf, type Import, importsOf, moduleFiles, outlineAt, usedOf } from "./pythonHeaders";
import { readablePath, readText } from "./workspaceFiles";

const MOST_IMPORTS = 40;
const MOST_DEFINITIONS = 60;
/** A language server may still be reading the workspace: what it does not say by then is read without it. */
const PROVIDER_MS = 1500;
const IMPORTS_WITHIN_CHARACTERS = 20_000;

interface Target {
  uri: vscode.Uri;
  /** Where the language server saw the definition; null: it is found by its name. */
  line: number | null;
}

/**
 * What a file's imports look like from outside, as far as they lie in the workspace: one snippet a file, in the order
 * of the imports. VS Code's own providers say where a name is defined; where none answers, module paths are followed.
 * `documents`: the file, or the cells of a notebook.
 */
export async function importedDefinitions(
  documents: readonly vscode.TextDocument[],
  ignored: IgnoredFiles,
  signal: AbortSignal,
): Promise<ContextSnippet[]> {
  const text = documents.map((document) => document.getText()).join("\n");
  const found = new Map<string, Set<string>>();
  let definitions = 0;
  const providers = new Providers();
  const files = { ignored, providers };
  for (const { document, statement } of importStatements(documents)) {
    for (const name of statement.names ?? [null]) {
      if (signal.aborted || definitions >= MOST_DEFINITIONS) break;
      for (const { path, outline } of await outlines(document, text, statement, name, files)) {
        const ofFile = found.get(path) ?? new Set();
        found.set(path, ofFile.add(outline));
        definitions += 1;
      }
    }
  }
  return [...found].map(([path, outlines]) => ({ kind: "definition", path, text: [...outlines].join("\n") }));
}

/** At most so many, of the first cells or lines. */
function importStatements(
  documents: readonly vscode.TextDocument[],
): { document: vscode.TextDocument; statement: Import }[] {
  const found: { document: vscode.TextDocument; statement: Import }[] = [];
  let room = IMPORTS_WITHIN_CHARACTERS;
  for (const document of documents) {
    if (room <= 0 || found.length >= MOST_IMPORTS) break;
    const text = document.getText().slice(0, room);
    room -= text.length;
    for (const statement of importsOf(text)) found.push({ document, statement });
  }
  return found.slice(0, MOST_IMPORTS);
}

async function outlines(
  document: vscode.TextDocument,
  text: string,
  statement: Import,
  name: string | null,
  { ignored, providers }: { ignored: IgnoredFiles; providers: Providers },
): Promise<{ path: string; outline: string }[]> {
  const target =
    (await providers.definition(document, statement, name ?? statement.module)) ??
    (await fileOf(fileUri(document.uri), statement, name, ignored));
  if (target === null) return [];
  const [path, source] = [readablePath(target.uri), await readText(target.uri, ignored)];
  if (path === null || source === null || path === readablePath(document.uri)) return [];
  const headers = headersOf(source);
  const symbols = await providers.symbols(target.uri);
  const one = name === null ? null : outline(name, target.line, headers, symbols, source);
  if (one !== null) return [{ path, outline: one }];
  // The name is a module's: what is used of it.
  return usedOf(text, name ?? statement.module).flatMap((used) => {
    const outlined = outline(used, null, headers, symbols, source);
    return outlined === null ? [] : [{ path, outline: outlined }];
  });
}

/** A function's header, a class's with its methods', or the line of a constant. */
function outline(
  name: string,
  line: number | null,
  headers: readonly Header[],
  symbols: readonly vscode.DocumentSymbol[],
  source: string,
): string | null {
  const symbol = symbols.find((candidate) => candidate.name === name);
  const lines = [line, symbol?.selectionRange.start.line];
  const exact = headers.findIndex((header) => header.name === name && lines.includes(header.line));
  const at = exact === -1 ? headers.findIndex((header) => header.name === name && header.indentation === 0) : exact;
  if (at !== -1) return outlineAt(headers, at);
  const constant = new RegExp(`^${name}\\s*(?::[^=\\n]{1,80})?=[^=\\n].{0,120}$`, "m").exec(source);
  return constant?.[0] ?? null;
}

/** The file that a module path leads to from this file or from a workspace folder. */
async function fileOf(
  uri: vscode.Uri,
  statement: Import,
  name: string | null,
  ignored: IgnoredFiles,
): Promise<Target | null> {
  for (const folder of lookupFolders(uri, statement.level)) {
    for (const file of moduleFiles(statement.module)) {
      const source = await readText(vscode.Uri.joinPath(folder, file), ignored);
      // A package need not hold what is imported from it: that may be a module of its own.
      const mayHold = !file.endsWith("__init__.py") || name === null || defines(source ?? "", name);
      if (source !== null && mayHold) return { uri: vscode.Uri.joinPath(folder, file), line: null };
    }
    const submodules = name === null ? [] : moduleFiles([statement.module, name].filter(Boolean).join("."));
    for (const file of submodules) {
      const uri = vscode.Uri.joinPath(folder, file);
      if ((await readText(uri, ignored)) !== null) return { uri, line: null };
    }
  }
  return null;
}

function defines(source: string, name: string): boolean {
  return headersOf(source).some((header) => header.name === name) || new RegExp(`^${name}\\s*[:=]`, "m").test(source);
}

function lookupFolders(uri: vscode.Uri, level: number): vscode.Uri[] {
  const root = vscode.workspace.getWorkspaceFolder(uri)?.uri;
  if (root === undefined) return [];
  const own = vscode.Uri.joinPath(uri, "..");
  if (level > 0) {
    const above = Array.from({ length: level - 1 }, () => "..");
    return [vscode.Uri.joinPath(own, ...above)];
  }
  const folders = [root, vscode.Uri.joinPath(root, "src"), own];
  return folders.filter((folder, i) => folders.findIndex(({ path }) => path === folder.path) === i);
}

/** VS Code's language features; one that has not answered once is not asked again for this file. */
class Providers {
  #definitions = true;
  readonly #symbols = new Map<string, Promise<vscode.DocumentSymbol[]>>();

  async definition(document: vscode.TextDocument, statement: Import, name: string): Promise<Target | null> {
    if (!this.#definitions) return null;
    const position = positionOf(document, statement, name);
    if (position === null) return null;
    const found = await inTime(
      vscode.commands.executeCommand<(vscode.Location | vscode.LocationLink)[]>(
        "vscode.executeDefinitionProvider",
        document.uri,
        position,
      ),
    );
    const first = found?.[0];
    if (first === undefined) {
      this.#definitions = found !== null && found !== undefined && found.length > 0;
      return null;
    }
    const uri = "targetUri" in first ? first.targetUri : first.uri;
    const range = "targetUri" in first ? (first.targetSelectionRange ?? first.targetRange) : first.range;
    return { uri, line: range.start.line };
  }

  symbols(uri: vscode.Uri): Promise<vscode.DocumentSymbol[]> {
    const key = uri.toString();
    const known = this.#symbols.get(key) ?? this.#askForSymbols(uri);
    this.#symbols.set(key, known);
    return known;
  }

  async #askForSymbols(uri: vscode.Uri): Promise<vscode.DocumentSymbol[]> {
    // Without a definition provider there is no language server that would know symbols.
    if (!this.#definitions) return [];
    const found = await inTime(
      vscode.commands.executeCommand<vscode.DocumentSymbol[]>("vscode.executeDocumentSymbolProvider", uri),
    );
    return (found ?? []).filter((symbol) => "selectionRange" in symbol);
  }
}

/** Where the statement names it; a statement may go over several lines. */
function positionOf(document: vscode.TextDocument, statement: Import, name: string): vscode.Position | null {
  const last = name.split(".").at(-1)!;
  const word = new RegExp(`\\b${last}\\b(?!\\s*\\.)`);
  for (let line = statement.line; line < Math.min(document.lineCount, statement.line + 20); ++line) {
    const text = document.lineAt(line).text;
    const from = line === statement.line && statement.names !== null ? text.search(/\bimport\b/) + "import".length : 0;
    const at = text.slice(from).search(word);
    if (at !== -1) return new vscode.Position(line, from + at);
  }
  return null;
}

/** Null where it fails or takes too long. */
async function inTime<T>(answer: Thenable<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), PROVIDER_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
