import { basename } from "node:path";
import * as vscode from "vscode";
import type { RowTextReply, RowToTextParams, TextToRowParams } from "../../protocol/server";
import type { LanguageServer } from "../languageServer";
import { findRow, followLine } from "./rowLine";

export const ROW_SCHEME = "tunesmith-row";

/** One row that is open as text. */
interface OpenRow {
  dataset: vscode.Uri;
  line: number;
  /** As it stands in the data set. */
  row: string;
  /** As it stands in the editor. */
  text: string;
  /** Milliseconds since 1970. */
  changed: number;
}

/** Rows as files: reading one shows it as text, writing it puts it back into the data set as one line. */
export class RowDocuments implements vscode.FileSystemProvider, vscode.Disposable {
  readonly #rows = new Map<string, OpenRow>();
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly #subscriptions: vscode.Disposable[];

  readonly onDidChangeFile = this.#changed.event;

  constructor(private readonly server: LanguageServer) {
    this.#subscriptions = [
      this.#changed,
      vscode.workspace.registerFileSystemProvider(ROW_SCHEME, this, { isCaseSensitive: true }),
      vscode.workspace.onDidChangeTextDocument((event) => this.#follow(event)),
      // Another language for the text is a document closed and opened again.
      vscode.workspace.onDidCloseTextDocument(({ uri }) => setImmediate(() => this.#forget(uri))),
    ];
  }

  /** The address of a row, which stays its own while it is open, wherever its line moves. `line` is 0-based. */
  uriOf(dataset: vscode.Uri, line: number): vscode.Uri {
    for (const [address, open] of this.#rows) {
      if (open.line === line && open.dataset.toString() === dataset.toString()) return vscode.Uri.parse(address, true);
    }
    const name = vscode.l10n.t("{0}, row {1}", basename(dataset.path), String(line + 1));
    const query = JSON.stringify({ dataset: dataset.toString(), line, opened: Date.now() });
    return vscode.Uri.from({ scheme: ROW_SCHEME, path: `/${name}.md`, query });
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { text, changed } = this.#rows.get(uri.toString()) ?? (await this.#open(uri));
    return { type: vscode.FileType.File, ctime: 0, mtime: changed, size: Buffer.byteLength(text) };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return Buffer.from((await this.#open(uri)).text);
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    const open = this.#rows.get(uri.toString()) ?? (await this.#open(uri));
    const text = Buffer.from(content).toString("utf8");
    // What was not edited must not come back in another spelling.
    if (text === open.text) return;
    const reply = await this.server.request<RowTextReply>("tunesmith/textToRow", {
      text,
      before: open.row,
    } satisfies TextToRowParams);
    if (!reply.ok) throw vscode.FileSystemError.Unavailable(reply.message);
    await replaceRow(open, reply.text);
    Object.assign(open, { row: reply.text, text, changed: Date.now() });
    this.#changed.fire([{ type: vscode.FileChangeType.Changed, uri }]);
  }

  async #open(uri: vscode.Uri): Promise<OpenRow> {
    const known = this.#rows.get(uri.toString());
    const { dataset, line } = known ?? addressed(uri);
    const document = await vscode.workspace.openTextDocument(dataset);
    if (line >= document.lineCount) throw vscode.FileSystemError.FileNotFound(uri);
    const row = document.lineAt(line).text;
    if (known?.row === row) return known;
    const reply = await this.server.request<RowTextReply>("tunesmith/rowToText", { row } satisfies RowToTextParams);
    if (!reply.ok) throw vscode.FileSystemError.Unavailable(reply.message);
    const open: OpenRow = { dataset, line, row, text: reply.text, changed: Date.now() };
    this.#rows.set(uri.toString(), open);
    return open;
  }

  #follow({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    for (const open of this.#rows.values()) {
      if (open.dataset.toString() !== document.uri.toString()) continue;
      // The lowest change comes first: none moves what another one is about.
      for (const change of contentChanges) open.line = followLine(open.line, change);
    }
  }

  #forget(uri: vscode.Uri): void {
    const address = uri.toString();
    if (!vscode.workspace.textDocuments.some((document) => document.uri.toString() === address)) {
      this.#rows.delete(address);
    }
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => {});
  }

  readDirectory(): never {
    throw vscode.FileSystemError.NoPermissions();
  }
  createDirectory(): never {
    throw vscode.FileSystemError.NoPermissions();
  }
  delete(): never {
    throw vscode.FileSystemError.NoPermissions();
  }
  rename(): never {
    throw vscode.FileSystemError.NoPermissions();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

async function replaceRow(open: OpenRow, row: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument(open.dataset);
  const line = findRow((at) => document.lineAt(at).text, document.lineCount, open.line, open.row);
  if (line === null) {
    throw vscode.FileSystemError.Unavailable(
      vscode.l10n.t(
        "The row was changed or removed in {0} meanwhile: copy what you need, close this view and open the row again.",
        basename(open.dataset.path),
      ),
    );
  }
  const saved = !document.isDirty;
  const edit = new vscode.WorkspaceEdit();
  edit.replace(open.dataset, document.lineAt(line).range, row);
  if (!(await vscode.workspace.applyEdit(edit))) {
    throw vscode.FileSystemError.Unavailable(
      vscode.l10n.t("{0} cannot be edited: is it read-only?", basename(open.dataset.path)),
    );
  }
  open.line = line;
  // Changes of other kinds that are not saved yet stay so.
  if (saved && !document.isUntitled) await document.save();
}

function addressed(uri: vscode.Uri): { dataset: vscode.Uri; line: number } {
  try {
    const { dataset, line } = JSON.parse(uri.query) as { dataset: unknown; line: unknown };
    if (typeof dataset === "string" && Number.isInteger(line) && (line as number) >= 0) {
      return { dataset: vscode.Uri.parse(dataset, true), line: line as number };
    }
  } catch {
    // It is no address of a row's.
  }
  throw vscode.FileSystemError.FileNotFound(uri);
}
