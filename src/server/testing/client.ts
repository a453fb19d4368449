/** A client of the server for tests: opens, edits and closes documents and waits for what is published. */

import { PassThrough } from "node:stream";
import {
  createConnection,
  createProtocolConnection,
  type Diagnostic,
  type MessageReader,
  type MessageWriter,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  type Range,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver/node";
import type { DatasetSummary } from "../../protocol/server";
import type { LoadTokenizer } from "../lengthCheck";
import { startServer } from "../server";

export class TestClient {
  private readonly connection: ProtocolConnection;
  private readonly published: PublishDiagnosticsParams[] = [];
  private waiting: (() => void)[] = [];
  private version = 0;
  /** What the server showed the user. */
  readonly messages: string[] = [];
  /** How often the server asked for the code lenses to be asked for anew. */
  lensRefreshes = 0;

  constructor(reader: MessageReader, writer: MessageWriter) {
    this.connection = createProtocolConnection(reader, writer);
    this.connection.onNotification("textDocument/publishDiagnostics", (params: PublishDiagnosticsParams) => {
      this.published.push(params);
      this.wake();
    });
    this.connection.onRequest("window/showMessageRequest", ({ message }: { message: string }) => {
      this.messages.push(message);
      this.wake();
      return null;
    });
    this.connection.onRequest("workspace/codeLens/refresh", () => {
      this.lensRefreshes++;
      this.wake();
      return null;
    });
    this.connection.onNotification("window/showMessage", ({ message }: { message: string }) => {
      this.messages.push(message);
      this.wake();
    });
    this.connection.listen();
  }

  /** Speaks to a server in this process. */
  static inProcess(load?: LoadTokenizer): TestClient {
    const toServer = new PassThrough();
    const toClient = new PassThrough();
    startServer(
      createConnection(new StreamMessageReader(toServer), new StreamMessageWriter(toClient)),
      load ? { load } : {},
    );
    return new TestClient(new StreamMessageReader(toClient), new StreamMessageWriter(toServer));
  }

  async initialize(initializationOptions?: unknown): Promise<unknown> {
    const result = await this.connection.sendRequest("initialize", {
      processId: null,
      rootUri: null,
      capabilities: {},
      initializationOptions,
    });
    await this.connection.sendNotification("initialized", {});
    return result;
  }

  async open(uri: string, text: string, languageId = "jsonl"): Promise<void> {
    this.version++;
    const textDocument = { uri, languageId, version: this.version, text };
    await this.connection.sendNotification("textDocument/didOpen", { textDocument });
  }

  async edit(uri: string, ...contentChanges: { range?: Range; text: string }[]): Promise<void> {
    this.version++;
    await this.connection.sendNotification("textDocument/didChange", {
      textDocument: { uri, version: this.version },
      contentChanges,
    });
  }

  async close(uri: string): Promise<void> {
    await this.connection.sendNotification("textDocument/didClose", { textDocument: { uri } });
  }

  async configure(settings: unknown): Promise<void> {
    await this.connection.sendNotification("workspace/didChangeConfiguration", { settings });
  }

  /** Any request of the protocol's, or one of the product's own. */
  request<T>(method: string, params: unknown): Promise<T> {
    return this.connection.sendRequest(method, params);
  }

  summary(uri: string): Promise<DatasetSummary | null> {
    return this.connection.sendRequest("tunesmith/datasetSummary", { uri });
  }

  /** The diagnostics of the latest version sent, once all stages are done. */
  async diagnostics(uri: string): Promise<Diagnostic[]> {
    await this.summary(uri);
    return this.nextDiagnostics(uri);
  }

  /** The diagnostics of the latest version sent, once they come and `accept` takes them. */
  async nextDiagnostics(uri: string, accept: (found: Diagnostic[]) => boolean = () => true): Promise<Diagnostic[]> {
    const { version } = this;
    return this.until(() => {
      const latest = this.published.filter((params) => params.uri === uri).at(-1);
      return latest?.version === version && accept(latest.diagnostics) ? latest.diagnostics : undefined;
    });
  }

  /** Waits for diagnostics that belong to no version: a closed document's. */
  cleared(uri: string): Promise<Diagnostic[]> {
    return this.until(() => {
      const latest = this.published.filter((params) => params.uri === uri).at(-1);
      return latest && latest.version === undefined ? latest.diagnostics : undefined;
    });
  }

  /** Waits until `probe` finds something; it is asked again after each message of the server's. */
  async until<T>(probe: () => T | undefined): Promise<T> {
    for (;;) {
      const found = probe();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async dispose(): Promise<void> {
    await this.connection.sendRequest("shutdown");
    this.connection.dispose();
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
