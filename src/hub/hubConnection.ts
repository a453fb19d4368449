import type { IncomingMessage } from "node:http";
import { type HttpRequest, httpRequest } from "./httpRequest";
import { HubError, networkError } from "./hubError";
import { type ProxyEnvironment, proxyFor } from "./proxy";
import { type Retry, retryAfterMs, withRetries } from "./retry";

export const DEFAULT_ENDPOINT = "https://huggingface.co";

export interface ConnectionOptions {
  /** The Hub's or a mirror's address; DEFAULT_ENDPOINT where it is absent. */
  endpoint?: string | undefined;
  token?: string | undefined;
  /** Where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read from; no proxy where it is absent. */
  proxies?: ProxyEnvironment | undefined;
  /** After so long without a byte a connection is given up; a minute where it is absent. */
  stallMs?: number | undefined;
}

export interface HubResponse {
  response: IncomingMessage;
  /** Where the data came from in the end. */
  host: string;
  /** What the Hub itself, not the store behind it, says the file's checksum is; null where it does not. */
  checksum: string | null;
}

interface Ask {
  method?: "GET" | "HEAD";
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Whoever asks for a range has to see this one. */
export const UNSATISFIABLE_RANGE = 416;
/** Someone waits for the answer: fewer than for a file. */
export const METADATA_ATTEMPTS = 4;
const MOST_REDIRECTS = 5;
const MOST_METADATA_BYTES = 16 * 1024 * 1024;

/** Requests to one Hub. The token is sent to the endpoint's own origin and nowhere else. */
export class HubConnection {
  readonly endpoint: string;
  readonly #origin: string;
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    const text = (options.endpoint ?? DEFAULT_ENDPOINT).replace(/\/+$/, "");
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new HubError("final", `The endpoint must be an address such as ${DEFAULT_ENDPOINT}, not "${text}".`);
    }
    if (options.token !== undefined && url.protocol === "http:" && !isLoopback(url)) {
      throw new HubError("final", `A token is sent over https only; give an endpoint that begins with https://.`);
    }
    if (options.token !== undefined && !/^[\x21-\x7e]+$/.test(options.token)) {
      throw new HubError("needs-token", "The token holds characters that a token cannot have; copy it again.");
    }
    this.endpoint = text;
    this.#origin = url.origin;
    this.#options = options;
  }

  get host(): string {
    return new URL(this.endpoint).host;
  }

  /** Follows redirects. Throws HubError where the answer is anything but data: an error, a page for people. */
  async open(address: string, repository: string, ask: Ask = {}): Promise<HubResponse> {
    let url = new URL(address);
    let checksum: string | null = null;
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const response = await this.#request(url, ask);
      if (url.origin === this.#origin) checksum ??= statedChecksum(response);
      const status = response.statusCode ?? 0;
      if (status < 300 || status === UNSATISFIABLE_RANGE) {
        // The body of a refused range says nothing, in whatever form.
        if (status < 300) refusePages(response, url);
        return { response, host: url.host, checksum };
      }
      response.destroy();
      if (status >= 400) throw this.#refusal(response, url, repository);
      url = redirected(url, response.headers.location);
    }
    throw new HubError("final", `${this.host} redirects in a circle; check the endpoint.`);
  }

  /**
   * `fetch` for the official client, which does not retry. Errors are thrown as HubError: the client's own would repeat
   * the server's text.
   */
  fetchFor(repository: string, retry: Retry): typeof fetch {
    const { signal } = retry;
    const fetchOnce = async (address: string) => {
      const { response, host } = await this.open(address, repository, { signal });
      const headers = new Headers();
      for (const name of ["content-type", "link"]) {
        const value = response.headers[name];
        if (typeof value === "string") headers.set(name, value);
      }
      return new Response(await readBody(response, host), { status: 200, headers });
    };
    return (input) => withRetries(() => fetchOnce(String(input)), { ...retry, attempts: METADATA_ATTEMPTS });
  }

  async #request(url: URL, { method = "GET", headers = {}, signal }: Ask): Promise<IncomingMessage> {
    const { token, proxies = {}, stallMs = 60_000 } = this.#options;
    const request: HttpRequest = {
      method,
      headers: { "user-agent": "tunesmith", "accept-encoding": "identity", ...headers },
      proxy: proxyFor(url, proxies),
      stallMs,
      signal,
    };
    if (token !== undefined && url.origin === this.#origin) request.headers.authorization = `Bearer ${token}`;
    return httpRequest(url, request);
  }

  #refusal(response: IncomingMessage, url: URL, repository: string): HubError {
    const status = response.statusCode ?? 0;
    const code = response.headers["x-error-code"];
    const again = retryAfterMs(response.headers["retry-after"], Date.now());
    if (status === 429) {
      const when = again === null ? "later" : `in ${Math.ceil(again / 1000)} s`;
      return new HubError("transient", `${url.host} has had too many requests; try again ${when}.`, again);
    }
    if (status === 408 || status >= 500) {
      return new HubError("transient", `${url.host} fails (status ${status}); try again later.`, again);
    }
    // The address of a file in the store behind the Hub expires; the Hub gives a new one.
    if (url.origin !== this.#origin && status === 403) {
      return new HubError("transient", `${url.host} refuses access to a file of ${repository}; try again later.`);
    }
    if (status === 401 || status === 403) return this.#accessRefusal(code, repository);
    if (status === 404) {
      const what =
        code === "RevisionNotFound" ? `${repository} has no such revision` : `there is no model ${repository}`;
      return new HubError("final", `${url.host}: ${what}; check the name.`);
    }
    if (status === 407) return new HubError("final", "The proxy needs user and password; give them in its address.");
    return new HubError("final", `${url.host} refuses ${repository} (status ${status}).`);
  }

  #accessRefusal(code: unknown, repository: string): HubError {
    const page = `${this.endpoint}/${repository}`;
    const hasToken = this.#options.token !== undefined;
    if (code === "GatedRepo") {
      return hasToken
        ? new HubError("no-access", `${repository} is gated: accept its terms on ${page} with the token's account.`)
        : new HubError("needs-token", `${repository} is gated: accept its terms on ${page} and give a token.`);
    }
    return hasToken
      ? new HubError("needs-token", `${this.host} refuses the token for ${repository}; give one that may read it.`)
      : new HubError(
          "needs-token",
          `${this.host} has no public model ${repository}; check the name, or give a token if it is private.`,
        );
  }
}

function isLoopback(url: URL): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
}

function redirected(from: URL, location: string | undefined): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw new HubError("final", `${from.host} redirects to no address.`);
  }
  const to = new URL(location, from);
  const allowed = to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:");
  if (!allowed) throw new HubError("final", `${from.host} redirects to ${to.protocol}//, where https is expected.`);
  return to;
}

/** A sign-in page or a proxy's notice comes with status 200 and must not end up in a model. */
function refusePages(response: IncomingMessage, url: URL): void {
  if (!/^\s*(text\/html|application\/xhtml)/i.test(response.headers["content-type"] ?? "")) return;
  response.destroy();
  throw new HubError(
    "final",
    `${url.host} answered with a web page instead of data; a proxy or a sign-in page may stand in between.`,
  );
}

/** Git's or LFS's checksum as an ETag; other servers' ETags are something else. */
function statedChecksum(response: IncomingMessage): string | null {
  const linked = response.headers["x-linked-etag"];
  const tag = (typeof linked === "string" ? linked : response.headers.etag) ?? "";
  return /^(?:W\/)?"?([0-9a-f]{64}|[0-9a-f]{40})"?$/.exec(tag)?.[1] ?? null;
}

async function readBody(response: IncomingMessage, host: string): Promise<Buffer<ArrayBuffer>> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      parts.push(part);
      size += part.length;
      if (size > MOST_METADATA_BYTES) throw new HubError("final", `${host} sends far more than a list of files.`);
    }
  } catch (error) {
    throw networkError(error, host);
  }
  return Buffer.concat(parts);
}
