import { createHash } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";

export interface ServedFile {
  content: Buffer;
  /** Listed with a SHA-256, as Git LFS does; else with Git's own SHA-1. */
  lfs?: boolean;
}

export type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

export const REPOSITORY = "test-org/tiny";
export const COMMIT = "c".repeat(40);

export const sha256 = (content: Buffer) => createHash("sha256").update(content).digest("hex");
export const gitBlob = (content: Buffer) =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
export const etagOf = ({ content, lfs }: ServedFile) => (lfs ? sha256(content) : gitBlob(content));

/**
 * A Hub with one model, on this machine. `onFile` may answer a request for a file in the server's place by returning
 * true; that is how it misbehaves.
 */
export class HubServer {
  readonly requests: { method: string; path: string; headers: http.IncomingHttpHeaders }[] = [];
  files: Record<string, ServedFile>;
  information: Record<string, unknown> = {};
  onFile: (path: string, request: http.IncomingMessage, response: http.ServerResponse) => boolean = () => false;
  onRequest: (request: http.IncomingMessage, response: http.ServerResponse) => boolean = () => false;
  readonly #server: http.Server;

  constructor(files: Record<string, ServedFile>) {
    this.files = files;
    this.#server = http.createServer((request, response) => this.#answer(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The ranges asked for of one file, in order; undefined: from the start. */
  rangesOf(path: string): (string | undefined)[] {
    return this.requests.filter((request) => request.path.endsWith(`/${path}`)).map(({ headers }) => headers.range);
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const path = (request.url ?? "").split("?")[0]!;
    this.requests.push({ method: request.method ?? "", path, headers: request.headers });
    if (this.onRequest(request, response)) return;
    const api = `/api/models/${REPOSITORY}`;
    if (path === `${api}/tree/${COMMIT}`) json(response, this.#tree());
    else if (path.startsWith(`${api}/revision/`)) json(response, this.#information());
    else this.#answerFile(path, request, response);
  }

  #answerFile(path: string, request: http.IncomingMessage, response: http.ServerResponse): void {
    const name = path.startsWith(`/${REPOSITORY}/resolve/${COMMIT}/`) ? path.split("/").at(-1)! : "";
    const file = this.files[name];
    if (file === undefined) {
      response.writeHead(404, { "x-error-code": "RepoNotFound" }).end();
      return;
    }
    if (!this.onFile(name, request, response)) serve(file, request, response);
  }

  #information() {
    return {
      _id: "1",
      id: REPOSITORY,
      lastModified: "2024-01-01T00:00:00.000Z",
      sha: COMMIT,
      gated: false,
      cardData: { license: "apache-2.0" },
      config: { model_type: "llama" },
      tags: [],
      ...this.information,
    };
  }

  #tree() {
    return Object.entries(this.files).map(([path, file]) => ({
      type: "file",
      path,
      size: file.content.length,
      oid: gitBlob(file.content),
      ...(file.lfs ? { lfs: { oid: sha256(file.content), size: file.content.length, pointerSize: 130 } } : {}),
    }));
  }
}

function json(response: http.ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** Where a request wants the file to begin. */
export function rangeStart(request: http.IncomingMessage): number {
  return Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
}

export function headOf(file: ServedFile, start: number): { status: number; headers: http.OutgoingHttpHeaders } {
  const { length } = file.content;
  const headers = {
    "content-type": "application/octet-stream",
    "x-linked-etag": `"${etagOf(file)}"`,
    "content-length": length - start,
  };
  if (start === 0) return { status: 200, headers };
  return { status: 206, headers: { ...headers, "content-range": `bytes ${start}-${length - 1}/${length}` } };
}

/** As a good server does it. */
export function serve(file: ServedFile, request: http.IncomingMessage, response: http.ServerResponse): void {
  const start = rangeStart(request);
  const { status, headers } = headOf(file, start);
  response.writeHead(status, headers);
  if (request.method === "HEAD") response.end();
  else response.end(file.content.subarray(start));
}
