import * as vscode from "vscode";
import { describeError } from "../disk/describeError";
import type { DatasetChanged } from "../protocol/server";
import type { LanguageServerClient } from "./languageClient";

/** What the client is given beside the server's own features. */
export interface LanguageServerHooks {
  /** Changes the code lenses that the server sends. */
  adaptLenses(lenses: vscode.CodeLens[]): vscode.CodeLens[];
  /** Adds to what the server says of a place. */
  adaptHover(
    document: vscode.TextDocument,
    position: vscode.Position,
    hover: vscode.Hover | undefined,
  ): vscode.Hover | undefined;
  /** The lenses would be adapted otherwise now. */
  onDidChangeLenses: vscode.Event<void>;
}

/** Starts the language server with the first data set that is opened; its client is a chunk of its own until then. */
export class LanguageServer implements vscode.Disposable {
  readonly #datasets = new vscode.EventEmitter<DatasetChanged>();
  readonly #subscriptions: vscode.Disposable[] = [this.#datasets];
  #client: Promise<LanguageServerClient> | undefined;

  /** The analysis of an open data set is complete. */
  readonly onDidChangeDataset = this.#datasets.event;

  constructor(
    private readonly extension: vscode.ExtensionContext,
    log: vscode.LogOutputChannel,
    private readonly hooks: LanguageServerHooks,
  ) {
    const look = (document: vscode.TextDocument) => {
      if (document.languageId !== "jsonl") return;
      this.#start().catch((error: unknown) =>
        log.error(`The language server could not be started: ${describeError(error)}`),
      );
    };
    this.#subscriptions.push(vscode.workspace.onDidOpenTextDocument(look));
    // Not during activation: what is open already is looked at right after it.
    setImmediate(() => vscode.workspace.textDocuments.forEach(look));
  }

  /** One of the requests of src/protocol/server.ts; starts the server if it does not run. */
  async request<T>(method: string, params: unknown): Promise<T> {
    return (await this.#start()).request<T>(method, params);
  }

  #start(): Promise<LanguageServerClient> {
    if (this.#client !== undefined) return this.#client;
    const client = require("./language-client.js") as typeof import("./languageClient");
    this.#client = client.startLanguageClient(this.extension, {
      ...this.hooks,
      onDataset: (changed) => this.#datasets.fire(changed),
    });
    this.#client.then(
      (running) => this.#subscriptions.push(running),
      // The next data set tries again.
      () => {
        this.#client = undefined;
      },
    );
    return this.#client;
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
