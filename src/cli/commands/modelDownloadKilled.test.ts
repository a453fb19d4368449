import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { COMMIT, etagOf, HubServer, headOf, REPOSITORY, rangeStart } from "../../hub/testing/hubServer";

const KILLS = 20;
const PIECE = 1 << 14;
const config = {
  model_type: "llama",
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 32,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
};
const weights = { content: Buffer.from(Uint32Array.from({ length: 1 << 20 }, (_, i) => i * 2654435761)), lfs: true };

let folder: string;
let server: HubServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tunesmith-killed-"));
  await build({
    entryPoints: ["src/cli/main.ts"],
    outfile: join(folder, "cli.js"),
    bundle: true,
    platform: "node",
    target: "node20",
    external: ["onnxruntime-node", "tokenizers"],
    logLevel: "error",
  });
  server = new HubServer({
    "config.json": { content: Buffer.from(JSON.stringify(config)) },
    "tokenizer.json": { content: Buffer.from("{}") },
    "model.safetensors": weights,
  });
  await server.listen();
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The download as a program of its own; `killAt` bytes of the weights on their way, it is killed. */
function download(killAt: number): Promise<number | null> {
  const cache = join(folder, "cache");
  const args = ["model", "download", REPOSITORY, "--endpoint", server.endpoint, "--cache", cache];
  const child = spawn(process.execPath, [join(folder, "cli.js"), ...args], { stdio: "ignore" });
  server.onFile = (path, request, response) => {
    if (path !== "model.safetensors") return false;
    const start = rangeStart(request);
    const { status, headers } = headOf(weights, start);
    response.writeHead(status, headers);
    const send = (at: number): void => {
      if (at >= killAt) return void child.kill("SIGKILL");
      if (at >= weights.content.length) return void response.end();
      response.write(weights.content.subarray(at, at + PIECE), () => setImmediate(send, at + PIECE));
    };
    send(start);
    return true;
  };
  return new Promise((resolve) => child.once("exit", (code) => resolve(code)));
}

it(`goes on to the right checksum after ${KILLS} kills at random points`, async () => {
  const blobs = join(folder, "cache", "models--test-org--tiny", "blobs");
  for (let kill = 0; kill < KILLS; kill++) {
    const killAt = 1 + Math.floor(Math.random() * weights.content.length);
    expect(await download(killAt)).toBeNull();
    // A name without an ending is a promise that the content is whole.
    expect(readdirSync(blobs)).not.toContain(etagOf(weights));
  }
  expect(await download(Number.POSITIVE_INFINITY)).toBe(0);
  const file = join(folder, "cache", "models--test-org--tiny", "snapshots", COMMIT, "model.safetensors");
  expect(readFileSync(file).equals(weights.content)).toBe(true);
});
