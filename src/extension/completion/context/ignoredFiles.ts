import * as vscode from "vscode";
import { fileUri } from "../documentText";
import { type IgnoreRule, isIgnoredBy, parseIgnoreFile } from "./gitIgnore";

/** No .gitignore that anyone keeps is longer: what it says cannot be known, so all below it counts as ignored. */
const LARGEST_IGNORE_FILE = 64 << 10;
const MOST_ANSWERS = 5000;
const ALL: readonly IgnoreRule[] = parseIgnoreFile("*");
const NONE: readonly IgnoreRule[] = [];
/** Git asks the file system; these are the platforms where it is told so by default. */
const IGNORE_CASE = process.platform === "win32" || process.platform === "darwin";

/**
 * Which files of the workspace Git ignores: by the .gitignore files from the repository's top down to the file's folder,
 * and by its .git/info/exclude. A folder without a repository is read as if it were one. Ignore files of the user's own
 * that lie elsewhere are not known.
 */
export class IgnoredFiles implements vscode.Disposable {
  /** By the folder's URI. */
  readonly #rules = new Map<string, Promise<readonly IgnoreRule[]>>();
  /** By the workspace folder's URI. */
  readonly #tops = new Map<string, Promise<vscode.Uri | null>>();
  readonly #answers = new Map<string, boolean>();
  /** Counts how often all answers were given up. */
  #generation = 0;
  readonly #changed = new vscode.EventEmitter<void>();
  /** All answers may be others now. */
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor() {
    const watcher = vscode.workspace.createFileSystemWatcher("**/.gitignore");
    const startOver = () => this.#startOver();
    this.#subscriptions = [
      this.#changed,
      watcher,
      watcher.onDidCreate(startOver),
      watcher.onDidChange(startOver),
      watcher.onDidDelete(startOver),
      vscode.workspace.onDidChangeWorkspaceFolders(startOver),
    ];
  }

  #startOver(): void {
    this.#generation++;
    this.#rules.clear();
    this.#tops.clear();
    this.#answers.clear();
    this.#changed.fire();
  }

  /** What has been found out; undefined: nothing yet. */
  known(document: vscode.Uri): boolean | undefined {
    return this.#answers.get(fileUri(document).toString());
  }

  /** Files outside the workspace are not. A cell is where its notebook is. */
  async isIgnored(document: vscode.Uri): Promise<boolean> {
    const uri = fileUri(document);
    const key = uri.toString();
    for (;;) {
      const known = this.#answers.get(key);
      if (known !== undefined) return known;
      const generation = this.#generation;
      const answer = await this.#find(uri);
      if (generation !== this.#generation) continue;
      if (this.#answers.size >= MOST_ANSWERS) this.#answers.clear();
      this.#answers.set(key, answer);
      return answer;
    }
  }

  async #find(uri: vscode.Uri): Promise<boolean> {
    const workspaceFolder = vscode.workspace.getWorkspaceFolder(uri)?.uri;
    if (workspaceFolder === undefined) return false;
    const top = (await this.#topOf(workspaceFolder)) ?? workspaceFolder;
    const path = uri.path.slice(top.path.length).split("/").filter(Boolean);
    const folders = path.map((_, depth) => vscode.Uri.joinPath(top, ...path.slice(0, depth)));
    const rules = await Promise.all(folders.map((folder) => this.#rulesOf(folder)));
    return path.length > 0 && isIgnoredBy(path, rules, IGNORE_CASE);
  }

  /** The folder of the repository that a workspace folder lies in; null: it lies in none. */
  #topOf(workspaceFolder: vscode.Uri): Promise<vscode.Uri | null> {
    const key = workspaceFolder.toString();
    const known = this.#tops.get(key) ?? repositoryOf(workspaceFolder);
    this.#tops.set(key, known);
    return known;
  }

  #rulesOf(folder: vscode.Uri): Promise<readonly IgnoreRule[]> {
    const key = folder.toString();
    const known = this.#rules.get(key) ?? readRules(folder);
    this.#rules.set(key, known);
    return known;
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

async function repositoryOf(folder: vscode.Uri): Promise<vscode.Uri | null> {
  if (await isThere(vscode.Uri.joinPath(folder, ".git"))) return folder;
  const above = vscode.Uri.joinPath(folder, "..");
  return above.path === folder.path ? null : repositoryOf(above);
}

async function readRules(folder: vscode.Uri): Promise<readonly IgnoreRule[]> {
  const own = await rulesIn(vscode.Uri.joinPath(folder, ".gitignore"));
  const ofRepository = await rulesIn(vscode.Uri.joinPath(folder, ".git", "info", "exclude"));
  return [...ofRepository, ...own];
}

/** As in Git, a link is not followed. */
async function rulesIn(file: vscode.Uri): Promise<readonly IgnoreRule[]> {
  try {
    const { type, size } = await vscode.workspace.fs.stat(file);
    if (type !== vscode.FileType.File) return NONE;
    if (size > LARGEST_IGNORE_FILE) return ALL;
    const text = Buffer.from(await vscode.workspace.fs.readFile(file)).toString("utf8");
    return parseIgnoreFile(text, IGNORE_CASE);
  } catch {
    return NONE;
  }
}

async function isThere(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    return false;
  }
}
