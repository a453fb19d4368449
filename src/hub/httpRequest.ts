import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { HubError, networkError } from "./hubError";
import { proxyAuthorization } from "./proxy";

export interface HttpRequest {
  method: "GET" | "HEAD";
  headers: Record<string, string>;
  proxy: URL | null;
  /** After so long without a byte the connection is given up. */
  stallMs: number;
  signal: AbortSignal | undefined;
}

/** One request, redirects not followed. Resolves with the head of the response; throws HubError where there is none. */
export async function httpRequest(url: URL, request: HttpRequest): Promise<http.IncomingMessage> {
  const { method, headers, proxy, stallMs, signal } = request;
  const options: https.RequestOptions = { method, headers, ...(signal === undefined ? {} : { signal }) };
  try {
    if (proxy === null) return await responseTo(clientOf(url).request(url, options), stallMs, url.host);
    if (url.protocol === "http:") return await viaProxy(url, proxy, options, stallMs);
    const socket = await tunnel(url, proxy, request);
    const createConnection = () =>
      tls.connect({ socket, servername: bareHost(url), ALPNProtocols: ["http/1.1"] }) as unknown as Duplex;
    return await responseTo(https.request(url, { ...options, createConnection }), stallMs, url.host);
  } catch (error) {
    signal?.throwIfAborted();
    throw networkError(error, url.host);
  }
}

function clientOf(url: URL): typeof http | typeof https {
  return url.protocol === "https:" ? https : http;
}

/** Brackets around an IPv6 address belong to the URL alone. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function responseTo(request: http.ClientRequest, stallMs: number, host: string): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.setTimeout(stallMs, () => {
      request.destroy(
        new HubError("transient", `${host} sent nothing for ${Math.round(stallMs / 1000)} s; try again.`),
      );
    });
    request.once("response", resolve);
    // Stays for the life of the request: without a listener a late error would end the process.
    request.on("error", reject);
    request.end();
  });
}

function authorization(proxy: URL): Record<string, string> {
  const value = proxyAuthorization(proxy);
  return value === null ? {} : { "proxy-authorization": value };
}

function viaProxy(url: URL, proxy: URL, options: https.RequestOptions, stallMs: number): Promise<http.IncomingMessage> {
  const headers = { ...(options.headers as Record<string, string>), host: url.host, ...authorization(proxy) };
  return responseTo(clientOf(proxy).request(proxy, { ...options, path: url.href, headers }), stallMs, proxy.host);
}

/** A connection to the target through the proxy, which sees its name and nothing else. */
function tunnel(url: URL, proxy: URL, { stallMs, signal }: HttpRequest): Promise<Duplex> {
  const path = `${url.hostname}:${url.port || 443}`;
  const headers = { host: path, ...authorization(proxy) };
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(networkError(error, `The proxy ${proxy.host}`));
    const request = clientOf(proxy).request(proxy, {
      method: "CONNECT",
      path,
      headers,
      ...(signal === undefined ? {} : { signal }),
    });
    request.setTimeout(stallMs, () => request.destroy(Object.assign(new Error(), { code: "ETIMEDOUT" })));
    request.once("connect", (response, socket) => {
      if (response.statusCode === 200) {
        resolve(socket);
        return;
      }
      socket.destroy();
      const remedy =
        response.statusCode === 407 ? "give user and password in the proxy's address" : "check its address";
      const message = `The proxy ${proxy.host} does not let us through (status ${response.statusCode}); ${remedy}.`;
      reject(new HubError("final", message));
    });
    request.on("error", fail);
    request.end();
  });
}
