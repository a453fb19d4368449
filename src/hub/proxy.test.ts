import { expect, it } from "vitest";
import { proxyAuthorization, proxyFor } from "./proxy";

const hub = new URL("https://huggingface.co/api");
const via = (environment: Record<string, string>, url = hub) => proxyFor(url, environment)?.host ?? null;

it.each<[Record<string, string>, string | null]>([
  [{}, null],
  [{ HTTPS_PROXY: "" }, null],
  [{ HTTP_PROXY: "http://p:1" }, null],
  [{ HTTPS_PROXY: "http://p:1" }, "p:1"],
  [{ HTTPS_PROXY: "p:1" }, "p:1"],
  [{ ALL_PROXY: "http://p:1" }, "p:1"],
  // What VS Code's settings say comes in lower case, over what the shell says.
  [{ HTTPS_PROXY: "http://p:1", https_proxy: "http://q:2" }, "q:2"],
  [{ HTTPS_PROXY: "http://p:1", no_proxy: "*" }, null],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "example.com, huggingface.co" }, null],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: ".co" }, null],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "*.co" }, null],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "huggingface.co:443" }, null],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "huggingface.co:8443" }, "p:1"],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "face.co" }, "p:1"],
])("finds the proxy in %j", (environment, proxy) => {
  expect(via(environment)).toBe(proxy);
});

it("refuses what it cannot speak, without repeating a password", () => {
  for (const address of ["socks5://me:secret@p:1", "http://", "http://me:secret@:x"]) {
    let message = "";
    try {
      proxyFor(hub, { HTTPS_PROXY: address });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toBe("The proxy's address cannot be used: it must be like http://HOST:PORT.");
  }
});

it("takes user and password from the address", () => {
  expect(proxyAuthorization(new URL("http://p:1"))).toBeNull();
  expect(proxyAuthorization(new URL("http://me:p%40ss@p:1"))).toBe(`Basic ${btoa("me:p@ss")}`);
});
