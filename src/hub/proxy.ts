import { HubError } from "./hubError";

/** The usual variables of an environment that name proxies, in either case. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/** The proxy that `url` is to be reached through, or null. Throws where one is named that cannot be used. */
export function proxyFor(url: URL, environment: ProxyEnvironment): URL | null {
  const read = (name: string) => (environment[name.toLowerCase()] || environment[name]) ?? "";
  const named = read(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY") || read("ALL_PROXY");
  if (named === "" || isExempt(url, read("NO_PROXY"))) return null;
  const text = named.includes("://") ? named : `http://${named}`;
  const proxy = URL.canParse(text) ? new URL(text) : null;
  if (proxy === null || !/^https?:$/.test(proxy.protocol)) {
    // The address may hold a password: it is not repeated.
    throw new HubError("final", "The proxy's address cannot be used: it must be like http://HOST:PORT.");
  }
  return proxy;
}

/** The value of Proxy-Authorization, from the proxy's address. */
export function proxyAuthorization(proxy: URL): string | null {
  if (proxy.username === "" && proxy.password === "") return null;
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(credentials).toString("base64")}`;
}

function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .toLowerCase()
    .split(",")
    .map((entry) => entry.trim())
    .some((entry) => {
      if (entry === "") return false;
      if (entry === "*") return true;
      const colon = /^[^:]*:\d+$/.test(entry) ? entry.lastIndexOf(":") : entry.length;
      if (colon < entry.length && entry.slice(colon + 1) !== port) return false;
      const domain = entry.slice(0, colon).replace(/^\*?\./, "");
      return host === domain || host.endsWith(`.${domain}`);
    });
}
