import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { scanCacheDir } from "@huggingface/hub";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DownloadOptions, type DownloadProgress, downloadModel, planDownload } from "./downloadModel";
import { HubConnection } from "./hubConnection";
import type { HubError } from "./hubError";
import {
  COMMIT,
  etagOf,
  HubServer,
  headOf,
  REPOSITORY,
  rangeStart,
  type ServedFile,
  serve,
  sha256,
} from "./testing/hubServer";

const WEIGHTS = "model.safetensors";

/** Bytes that differ at every place, so that a part in the wrong one shows. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

const weights: ServedFile = { content: noise(400_000, 1), lfs: true };
const modelFiles: Record<string, ServedFile> = {
  "config.json": { content: Buffer.from('{"model_type":"llama"}') },
  "tokenizer.json": { content: noise(20_000, 2) },
  [WEIGHTS]: weights,
  "README.md": { content: Buffer.from("# Tiny\n") },
  "pytorch_model.bin": { content: noise(1000, 3), lfs: true },
};

let server: HubServer;
let cacheRoot: string;
let waits: number[];

beforeEach(async () => {
  server = new HubServer(modelFiles);
  await server.listen();
  cacheRoot = mkdtempSync(join(tmpdir(), "tunesmith-hub-"));
  waits = [];
});
afterEach(async () => {
  await server.close();
  rmSync(cacheRoot, { recursive: true, force: true });
});

const wait = async (milliseconds: number) => {
  waits.push(milliseconds);
};
const request = () => ({ repository: REPOSITORY, revision: "main", cacheRoot, wait });
const connect = (token?: string) => new HubConnection({ endpoint: server.endpoint, token, stallMs: 2000 });

async function download(options: Partial<DownloadOptions> = {}, hub = connect()): Promise<void> {
  await downloadModel(hub, await planDownload(hub, request()), { cacheRoot, wait, ...options });
}

const failure = async (work: Promise<unknown>) =>
  work.then(
    () => "it succeeded",
    (error: Error) => error.message,
  );

const folder = () => join(cacheRoot, "models--test-org--tiny");
const blobs = () => (existsSync(join(folder(), "blobs")) ? readdirSync(join(folder(), "blobs")) : []);
const shown = (name: string) => join(folder(), "snapshots", COMMIT, name);

/** Whatever happened: what is not called incomplete has the content that its name promises. */
function expectNothingCorrupt(): void {
  const contents = Object.values(modelFiles).map((file) => [etagOf(file), file.content] as const);
  for (const name of blobs().filter((blob) => !blob.endsWith(".incomplete"))) {
    const [, content] = contents.find(([etag]) => etag === name)!;
    expect(readFileSync(join(folder(), "blobs", name)).equals(content), name).toBe(true);
  }
}

function expectComplete(): void {
  for (const name of ["config.json", "tokenizer.json", WEIGHTS, "README.md"]) {
    expect(readFileSync(shown(name)).equals(modelFiles[name]!.content), name).toBe(true);
  }
  expect(blobs().filter((name) => name.endsWith(".incomplete"))).toEqual([]);
  expectNothingCorrupt();
}

/** Sends the first `length` bytes of the answer and breaks the connection. */
function breakAfter(length: number, incoming: http.IncomingMessage, response: http.ServerResponse): void {
  const start = rangeStart(incoming);
  const { status, headers } = headOf(weights, start);
  response.writeHead(status, headers);
  response.write(weights.content.subarray(start, start + length), () => setTimeout(() => response.destroy(), 20));
}

describe("a download", () => {
  it("says what it would bring before it fetches anything", async () => {
    const plan = await planDownload(connect(), request());
    const bytes = ["config.json", "tokenizer.json", WEIGHTS, "README.md"].reduce(
      (sum, name) => sum + modelFiles[name]!.content.length,
      0,
    );
    expect(plan).toMatchObject({ commit: COMMIT, licence: "apache-2.0", gated: false, modelType: "llama" });
    expect(plan).toMatchObject({ bytes, missingBytes: bytes, folder: join(folder(), "snapshots", COMMIT) });
    expect(plan.files.map(({ path }) => path)).not.toContain("pytorch_model.bin");
    expect(server.requests.every(({ path }) => path.startsWith("/api/"))).toBe(true);
    expect(readdirSync(cacheRoot)).toEqual([]);
  });

  it("lays the model out as the tools of Hugging Face do", async () => {
    await download();
    expectComplete();
    expect(lstatSync(shown(WEIGHTS)).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder(), "refs", "main"), "utf8")).toBe(COMMIT);
    const { repos, warnings } = await scanCacheDir(cacheRoot);
    expect(warnings).toEqual([]);
    expect(repos[0]).toMatchObject({ id: { name: REPOSITORY, type: "model" }, filesCount: 4 });
    expect(repos[0]!.revisions[0]).toMatchObject({ commitOid: COMMIT, refs: ["main"] });
  });

  it("uses what is in the cache, whoever brought it", async () => {
    mkdirSync(join(folder(), "blobs"), { recursive: true });
    writeFileSync(join(folder(), "blobs", etagOf(weights)), weights.content);
    await download();
    expectComplete();
    expect(server.rangesOf(WEIGHTS)).toEqual([]);
    expect(await planDownload(connect(), request())).toMatchObject({ missingBytes: 0 });
  });

  it("goes on with what another tool began", async () => {
    mkdirSync(join(folder(), "blobs"), { recursive: true });
    writeFileSync(join(folder(), "blobs", `${etagOf(weights)}.incomplete`), weights.content.subarray(0, 123_456));
    const plan = await planDownload(connect(), request());
    expect(plan.bytes - plan.missingBytes).toBe(123_456);
    await download();
    expectComplete();
    expect(server.rangesOf(WEIGHTS)).toEqual(["bytes=123456-"]);
  });

  it("begins anew where what was begun is wrong or too long", async () => {
    mkdirSync(join(folder(), "blobs"), { recursive: true });
    const begun = join(folder(), "blobs", `${etagOf(weights)}.incomplete`);
    for (const content of [noise(100_000, 9), noise(400_001, 9), noise(400_000, 9)]) {
      writeFileSync(begun, content);
      await download();
      expectComplete();
      rmSync(folder(), { recursive: true });
      mkdirSync(join(folder(), "blobs"), { recursive: true });
    }
  });

  it("tells its progress up to the end", async () => {
    const told: DownloadProgress[] = [];
    let time = 0;
    await download({ onProgress: (progress) => told.push(progress), now: () => (time += 100) });
    const last = told.at(-1)!;
    expect(last).toMatchObject({ bytes: last.totalBytes, secondsLeft: 0 });
    expect(told.some(({ stage, path }) => stage === "checking" && path === WEIGHTS)).toBe(true);
    expect(told.some(({ bytesPerSecond }) => bytesPerSecond !== null && bytesPerSecond > 0)).toBe(true);
  });

  it("stops where a file that is in place cannot be used", async () => {
    const onFile = async (path: string) => {
      if (path === "config.json") throw new Error("It is of another family.");
    };
    expect(await failure(download({ onFile }))).toBe("It is of another family.");
    expect(server.rangesOf(WEIGHTS)).toEqual([]);
  });

  it("leaves what can be gone on with when it is cancelled", async () => {
    const abort = new AbortController();
    const reason = new Error("cancelled");
    const onProgress = ({ path, bytes }: DownloadProgress) => {
      if (path === WEIGHTS && bytes > 50_000) abort.abort(reason);
    };
    server.onFile = (path, incoming, response) => {
      if (path !== WEIGHTS || rangeStart(incoming) > 0) return false;
      const { status, headers } = headOf(weights, 0);
      response.writeHead(status, headers);
      // The rest never comes: only being cancelled ends it.
      response.write(weights.content.subarray(0, 100_000));
      return true;
    };
    await expect(download({ signal: abort.signal, onProgress })).rejects.toBe(reason);
    expect(blobs()).toContain(`${etagOf(weights)}.incomplete`);
    expect(blobs()).not.toContain(etagOf(weights));
    expectNothingCorrupt();
    await download();
    expectComplete();
    expect(server.rangesOf(WEIGHTS)[1]).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it("does not run twice at once, and takes over from one that is gone", async () => {
    const lock = join(cacheRoot, ".locks", "models--test-org--tiny", "tunesmith.lock");
    mkdirSync(join(lock, ".."), { recursive: true });
    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname() }));
    expect(await failure(download())).toBe("test-org/tiny is being downloaded already; wait for that download to end.");
    writeFileSync(lock, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));
    await download();
    expectComplete();
    expect(existsSync(lock)).toBe(false);
  });
});

describe("a server that misbehaves", () => {
  it("resets in mid-file at 20 random points", async () => {
    let resets = 0;
    server.onFile = (path, incoming, response) => {
      if (path !== WEIGHTS || resets === 20) return false;
      resets++;
      breakAfter(1 + Math.floor(Math.random() * 18_000), incoming, response);
      return true;
    };
    await download();
    expect(resets).toBe(20);
    expectComplete();
    expect(server.rangesOf(WEIGHTS)).toHaveLength(21);
  });

  it("resets in mid-file at 20 random points, the program ending at each", async () => {
    for (let point = 0; point < 20; point++) {
      const abort = new AbortController();
      const stopAt = 20_000 + Math.floor(Math.random() * 380_000);
      const onProgress = ({ bytes }: DownloadProgress) => {
        if (bytes >= stopAt) abort.abort(new Error("ended"));
      };
      await failure(download({ signal: abort.signal, onProgress }));
      expectNothingCorrupt();
    }
    await download();
    expectComplete();
  });

  it("resets before the first byte, for ever", async () => {
    server.onFile = (path, _, response) => path === WEIGHTS && Boolean(response.destroy());
    expect(await failure(download())).toMatch(/^127\.0\.0\.1:\d+ broke the connection; check your connection.*\.$/);
    expect(server.rangesOf(WEIGHTS)).toHaveLength(6);
    expectNothingCorrupt();
  });

  it("falls silent", async () => {
    server.onFile = (path, _, response) => {
      if (path !== WEIGHTS) return false;
      response.writeHead(200, headOf(weights, 0).headers);
      return true;
    };
    const hub = new HubConnection({ endpoint: server.endpoint, stallMs: 40 });
    expect(await failure(download({}, hub))).toMatch(/sent nothing for 0 s; try again\.$/);
    expectNothingCorrupt();
  });

  it.each([
    ["shorter", -1000],
    ["longer", 1000],
  ])("announces a %s Content-Length", async (_, difference) => {
    server.onFile = (path, incoming, response) => {
      if (path !== WEIGHTS) return false;
      const start = rangeStart(incoming);
      const { status, headers } = headOf(weights, start);
      response.writeHead(status, { ...headers, "content-length": weights.content.length - start + difference });
      response.end(weights.content.subarray(start).subarray(0, difference < 0 ? difference : undefined));
      return true;
    };
    expect(await failure(download())).toMatch(/announces \d+ bytes for model.safetensors .* 400000 are expected/);
    expectNothingCorrupt();
  });

  it("sends chunks that end early, then the rest", async () => {
    let answers = 0;
    server.onFile = (path, incoming, response) => {
      if (path !== WEIGHTS || answers++ > 0) return false;
      const { "content-length": _, ...headers } = headOf(weights, rangeStart(incoming)).headers;
      response.writeHead(200, headers);
      response.end(weights.content.subarray(0, 300_000));
      return true;
    };
    await download();
    expectComplete();
    expect(server.rangesOf(WEIGHTS)).toEqual([undefined, "bytes=300000-"]);
  });

  it("sends more than it lists", async () => {
    server.onFile = (path, incoming, response) => {
      if (path !== WEIGHTS) return false;
      const { "content-length": _, ...headers } = headOf(weights, rangeStart(incoming)).headers;
      response.writeHead(200, headers);
      response.end(Buffer.concat([weights.content, Buffer.from("x")]));
      return true;
    };
    expect(await failure(download())).toMatch(
      /sends more of model.safetensors of test-org\/tiny than the Hub lists\.$/,
    );
    expectNothingCorrupt();
  });

  it("has had too many requests, and says for how long", async () => {
    let answers = 0;
    server.onRequest = (_, response) => {
      if (answers++ % 2 === 1) return false;
      response.writeHead(429, { "retry-after": "7" }).end();
      return true;
    };
    await download();
    expectComplete();
    expect(waits.length).toBeGreaterThan(3);
    expect(Math.min(...waits)).toBe(7000);
  });

  it("is busy, and what is waited for is told, at the listing and at a file", async () => {
    const told: string[] = [];
    const onWait = (error: HubError, milliseconds: number) => told.push(`${error.what} ${milliseconds}`);
    const busyOnce = () => {
      let asked = 0;
      return (response: http.ServerResponse) =>
        asked++ === 0 && Boolean(response.writeHead(429, { "retry-after": "7" }).end());
    };
    const [listing, file] = [busyOnce(), busyOnce()];
    server.onRequest = (_, response) => listing(response);
    server.onFile = (path, _, response) => path === WEIGHTS && file(response);
    const plan = await planDownload(connect(), { ...request(), onWait });
    await downloadModel(connect(), plan, { cacheRoot, wait, onWait });
    const { host } = new URL(server.endpoint);
    expect(told).toEqual(Array(2).fill(`${host} has had too many requests 7000`));
  });

  it("wants to be left alone for an hour", async () => {
    server.onFile = (_, __, response) => Boolean(response.writeHead(429, { "retry-after": "3600" }).end());
    expect(await failure(download())).toMatch(/has had too many requests; try again in 3600 s\.$/);
    expect(waits).toEqual([]);
  });

  it("fails for a while, then for ever", async () => {
    let answers = 0;
    server.onFile = (_, __, response) => answers++ % 3 < 2 && Boolean(response.writeHead(503).end());
    await download();
    expectComplete();
    rmSync(folder(), { recursive: true });
    server.onFile = (_, __, response) => Boolean(response.writeHead(503).end());
    expect(await failure(download())).toMatch(/fails \(status 503\); try again later\.$/);
  });

  it("answers a file, or the listing, with a web page", async () => {
    const page = (_: unknown, response: http.ServerResponse) =>
      Boolean(response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>Sign in</html>"));
    server.onFile = (path, incoming, response) => path === WEIGHTS && page(incoming, response);
    expect(await failure(download())).toMatch(/answered with a web page instead of data/);
    expectNothingCorrupt();
    server.onRequest = page;
    expect(await failure(download())).toMatch(/answered with a web page instead of data/);
  });

  it.each(['{"sha":"../../etc"}', "[]", "null", "{", "<html>", '"text"'])("answers the API with %s", async (text) => {
    server.onRequest = (_, response) =>
      Boolean(response.writeHead(200, { "content-type": "application/json" }).end(text));
    expect(await failure(download())).toMatch(/does not answer like a Hugging Face Hub; check the endpoint\.$/);
    expect(readdirSync(cacheRoot)).toEqual([]);
  });

  it("lists names that lead elsewhere", async () => {
    server.files = { ...modelFiles, "../LICENSE": { content: Buffer.from("x") }, "LICENSE/../../x": weights };
    expect((await planDownload(connect(), request())).files.map(({ path }) => path).sort()).toEqual(
      ["README.md", "config.json", "model.safetensors", "tokenizer.json"].sort(),
    );
  });

  it("changes its own ETag between attempts, not the content", async () => {
    let answers = 0;
    server.onFile = (path, incoming, response) => {
      if (path !== WEIGHTS) return false;
      const start = rangeStart(incoming);
      const { status, headers } = headOf(weights, start);
      const { "x-linked-etag": _, ...plain } = headers;
      response.writeHead(status, { ...plain, etag: `"store-${answers++}"` });
      const end = answers === 1 ? 70_000 : undefined;
      response.write(weights.content.subarray(start, end), () => {
        if (answers === 1) setTimeout(() => response.destroy(), 20);
        else response.end();
      });
      return true;
    };
    await download();
    expectComplete();
    expect(answers).toBe(2);
  });

  it("has another file than it listed by the second attempt", async () => {
    let answers = 0;
    const other: ServedFile = { content: noise(400_000, 7), lfs: true };
    server.onFile = (path, incoming, response) => {
      if (path !== WEIGHTS) return false;
      if (answers++ === 0) breakAfter(50_000, incoming, response);
      else serve(other, incoming, response);
      return true;
    };
    expect(await failure(download())).toMatch(/no longer the file that the Hub listed; start the download again\.$/);
    expectNothingCorrupt();
  });

  it("sends wrong bytes once", async () => {
    let answers = 0;
    server.onFile = (path, _, response) => {
      if (path !== WEIGHTS || answers++ > 0) return false;
      response.writeHead(200, headOf(weights, 0).headers).end(noise(400_000, 8));
      return true;
    };
    await download();
    expectComplete();
  });

  it.each([WEIGHTS, "tokenizer.json"])("sends wrong bytes of %s always", async (name) => {
    const { length } = modelFiles[name]!.content;
    server.onFile = (path, _, response) =>
      path === name && Boolean(response.writeHead(200, { "content-length": length }).end(noise(length, 8)));
    expect(await failure(download())).toBe(
      `${name} of test-org/tiny has another checksum than the Hub lists; what came was deleted, try again later.`,
    );
    expect(blobs()).not.toContain(`${etagOf(modelFiles[name]!)}.incomplete`);
    expectNothingCorrupt();
  });

  it("knows no ranges, or gets them wrong", async () => {
    const begin = () => {
      mkdirSync(join(folder(), "blobs"), { recursive: true });
      writeFileSync(join(folder(), "blobs", `${etagOf(weights)}.incomplete`), weights.content.subarray(0, 5000));
    };
    const answers: ((response: http.ServerResponse) => unknown)[] = [
      (response) => response.writeHead(200, headOf(weights, 0).headers).end(weights.content),
      (response) => response.writeHead(416, { "content-range": "bytes */1" }).end(),
      (response) => response.writeHead(416, { "content-type": "text/html" }).end("<html>No such range</html>"),
      (response) => response.writeHead(416, { "content-encoding": "gzip" }).end("x"),
      (response) =>
        response
          .writeHead(206, { "content-range": "bytes 0-399999/400000", "content-length": 400_000 })
          .end(weights.content),
      (response) => response.writeHead(206, { "content-range": "bytes 5000-", "content-length": 395_000 }).end(),
    ];
    for (const answer of answers) {
      begin();
      server.onFile = (path, incoming, response) =>
        path === WEIGHTS && rangeStart(incoming) > 0 && Boolean(answer(response));
      await download();
      expectComplete();
      rmSync(folder(), { recursive: true });
    }
  });

  it("compresses what was to come as it is", async () => {
    server.onFile = (path, _, response) =>
      path === WEIGHTS && Boolean(response.writeHead(200, { "content-encoding": "gzip" }).end("x"));
    expect(await failure(download())).toMatch(/sends model.safetensors of test-org\/tiny encoded as gzip/);
  });

  it("redirects in a circle, to nowhere, to a file", async () => {
    for (const [location, message] of [
      ["", /redirects in a circle/],
      ["http://", /redirects to no address/],
      ["file:///etc/passwd", /redirects to file:\/\/, where https is expected/],
    ] as const) {
      server.onFile = (path, incoming, response) =>
        path === WEIGHTS && Boolean(response.writeHead(302, { location: location || incoming.url }).end());
      expect(await failure(download())).toMatch(message);
    }
  });
});

describe("a token", () => {
  const TOKEN = "hf_secret";
  let store: http.Server;
  let storeHeaders: http.IncomingHttpHeaders[];

  beforeEach(async () => {
    storeHeaders = [];
    store = http.createServer((incoming, response) => {
      storeHeaders.push(incoming.headers);
      serve(weights, incoming, response);
    });
    await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => new Promise((resolve) => store.close(resolve)));

  const storeAddress = () => `http://127.0.0.1:${(store.address() as AddressInfo).port}/store`;

  it("goes to the Hub and not to the host that it redirects to", async () => {
    server.onFile = (path, _, response) =>
      path === WEIGHTS && Boolean(response.writeHead(302, { location: storeAddress() }).end());
    await download({}, connect(TOKEN));
    expectComplete();
    expect(server.requests.every(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(true);
    expect(storeHeaders.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it("does not follow the listing to another host", async () => {
    server.onRequest = (incoming, response) => {
      if (!incoming.url!.includes("/tree/")) return false;
      response
        .writeHead(200, { "content-type": "application/json", link: `<${storeAddress()}>; rel="next"` })
        .end("[]");
      return true;
    };
    await failure(planDownload(connect(TOKEN), request()));
    expect(storeHeaders.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it("is asked for where a model is gated, before anything is fetched", async () => {
    server.information = { gated: "manual", cardData: { license: "other", license_name: "llama3.2" } };
    server.onFile = (_, incoming, response) =>
      incoming.headers.authorization !== `Bearer ${TOKEN}` &&
      Boolean(response.writeHead(401, { "x-error-code": "GatedRepo" }).end());
    const page = `${server.endpoint}/test-org/tiny`;
    const without = planDownload(connect(), request());
    await expect(without).rejects.toMatchObject({
      kind: "needs-token",
      message: `test-org/tiny is gated: accept its terms on ${page} and give a token.`,
    });
    await expect(planDownload(connect("hf_other"), request())).rejects.toMatchObject({
      kind: "no-access",
      message: `test-org/tiny is gated: accept its terms on ${page} with the token's account.`,
    });
    expect(await planDownload(connect(TOKEN), request())).toMatchObject({ gated: true, licence: "llama3.2" });
    expect(existsSync(folder())).toBe(false);
  });

  it("is named neither in a message nor sent in the clear", async () => {
    server.onRequest = (_, response) => Boolean(response.writeHead(401).end());
    const message = await failure(planDownload(connect(TOKEN), request()));
    expect(message).toMatch(/refuses the token for test-org\/tiny; give one that may read it\.$/);
    expect(message).not.toContain(TOKEN);
    expect(() => new HubConnection({ endpoint: "http://hub.example", token: TOKEN })).toThrow(
      "A token is sent over https only; give an endpoint that begins with https://.",
    );
    expect(() => new HubConnection({ token: "a\nb" })).toThrow("characters that a token cannot have");
  });
});

it("says which model or file is not there", async () => {
  const missing = planDownload(connect(), { ...request(), repository: "test-org/none" });
  expect(await failure(missing)).toMatch(/: there is no model test-org\/none; check the name\.$/);
  server.files = { "config.json": modelFiles["config.json"]!, "pytorch_model.bin": weights };
  expect(await failure(planDownload(connect(), request()))).toBe(
    "test-org/tiny has no tokenizer.json; choose a model in safetensors with its tokenizer.",
  );
});

it("goes through the proxy that is named, except where it is not to", async () => {
  const seen: string[] = [];
  const proxy = http.createServer((incoming, response) => {
    seen.push(`${incoming.headers["proxy-authorization"]} ${incoming.url}`);
    http.get(incoming.url!, { headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  try {
    const address = `http://me:pass@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { endpoint } = server;
    await download({}, new HubConnection({ endpoint, proxies: { HTTP_PROXY: address, NO_PROXY: "127.0.0.1" } }));
    expect(seen).toEqual([]);
    rmSync(folder(), { recursive: true });
    await download({}, new HubConnection({ endpoint, proxies: { http_proxy: address } }));
    expectComplete();
    const credentials = `Basic ${Buffer.from("me:pass").toString("base64")}`;
    expect(seen.length).toBeGreaterThan(4);
    expect(seen.every((line) => line.startsWith(`${credentials} ${endpoint}/`))).toBe(true);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

it("says why a proxy does not let it through", async () => {
  const targets: (string | undefined)[] = [];
  const proxy = http.createServer().on("connect", (incoming, socket) => {
    targets.push(incoming.url);
    socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = proxy.address() as AddressInfo;
    const hub = new HubConnection({ proxies: { HTTPS_PROXY: `http://127.0.0.1:${port}` } });
    expect(await failure(planDownload(hub, request()))).toBe(
      `The proxy 127.0.0.1:${port} does not let us through (status 407); give user and password in the proxy's address.`,
    );
    expect(targets).toEqual(["huggingface.co:443"]);
  } finally {
    proxy.close();
  }
});

it("knows its sums", () => {
  expect(sha256(Buffer.from("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // `printf abc | git hash-object --stdin`
  expect(etagOf({ content: Buffer.from("abc") })).toBe("f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f");
});
