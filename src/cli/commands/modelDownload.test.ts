import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { COMMIT, HubServer, REPOSITORY } from "../../hub/testing/hubServer";
import { type CliProcess, runCli } from "../cli";

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
const files = (change: Record<string, unknown> = {}) => ({
  "config.json": { content: Buffer.from(JSON.stringify({ ...config, ...change })) },
  "tokenizer.json": { content: Buffer.from("{}") },
  "model.safetensors": { content: Buffer.alloc(5000, 7), lfs: true },
});

let server: HubServer;
let cache: string;
beforeEach(async () => {
  server = new HubServer(files());
  await server.listen();
  cache = mkdtempSync(join(tmpdir(), "tunesmith-download-"));
});
afterEach(async () => {
  await server.close();
  rmSync(cache, { recursive: true, force: true });
});

async function cli(...args: string[]) {
  const written = { out: "", err: "" };
  const nothing = () => undefined;
  const program: CliProcess = {
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
    cwd: () => cache,
    on: nothing,
    off: nothing,
  };
  const code = await runCli(["model", "download", ...args, "--endpoint", server.endpoint, "--cache", cache], program);
  return { code, ...written };
}

const folder = () => join(cache, "models--test-org--tiny", "snapshots", COMMIT);

it("says what and under which licence, then fetches it", async () => {
  const { code, out, err } = await cli(REPOSITORY);
  expect(code).toBe(0);
  expect(out).toBe(
    `test-org/tiny at cccccccccccc: 3 files, 6 kB.\nLicence: apache-2.0.\nFolder: ${folder()}\n${folder()} is complete.\n`,
  );
  expect(err).toContain("Downloading 100 % · 6 kB of 6 kB");
  expect(readFileSync(join(folder(), "model.safetensors")).equals(files()["model.safetensors"].content)).toBe(true);
});

it("only says it with --plan", async () => {
  const { code, out } = await cli(REPOSITORY, "--plan", "--progress", "json");
  expect(code).toBe(0);
  const messages = out.trim().split("\n");
  expect(JSON.parse(messages.at(-1)!)).toMatchObject({
    type: "result",
    value: { access: "granted", licence: "apache-2.0", folder: folder() },
  });
  expect(readdirSync(cache)).toEqual([]);
});

it("says what it waits for", async () => {
  let asked = 0;
  server.onFile = (path, _, response) =>
    path === "model.safetensors" && asked++ === 0 && Boolean(response.writeHead(429).end());
  const { code, err } = await cli(REPOSITORY);
  expect(code).toBe(0);
  expect(err).toMatch(/^127\.0\.0\.1:\d+ has had too many requests; trying again in [12] s$/m);
});

it("answers with what is missing where a token may help, and fails without --plan", async () => {
  server.information = { gated: "auto" };
  server.onFile = (_, __, response) => Boolean(response.writeHead(401, { "x-error-code": "GatedRepo" }).end());
  const { out } = await cli(REPOSITORY, "--plan", "--progress", "json");
  expect(JSON.parse(out.trim().split("\n").at(-1)!)).toMatchObject({ value: { access: "needs-token" } });
  const failed = await cli(REPOSITORY);
  expect(failed.code).toBe(1);
  expect(failed.err).toMatch(/test-org\/tiny is gated: accept its terms on .* and give a token\./);
});

it("refuses other families, before the weights where only config.json tells", async () => {
  server.information = { config: { model_type: "gpt2" } };
  expect((await cli(REPOSITORY)).err).toContain(
    'test-org/tiny is of the family "gpt2"; choose a model of the Llama family.',
  );
  server.information = { config: undefined };
  server.files = files({ attention_bias: true });
  const { code, err } = await cli(REPOSITORY);
  expect(code).toBe(1);
  expect(err).toContain("attention_bias");
  expect(server.rangesOf("model.safetensors")).toEqual([]);
});

it.each([
  [["a/b/c"], 'A model is named OWNER/NAME, not "a/b/c".'],
  [["../x"], 'A model is named OWNER/NAME, not "../x".'],
  [[REPOSITORY, "--revision", "../../x"], '--revision must be a branch, tag or commit, not "../../x".'],
  [[REPOSITORY, "--token-env", "NO_SUCH_VARIABLE"], "--token-env names NO_SUCH_VARIABLE, which is not set."],
])("refuses %j", async (args, message) => {
  const { code, err } = await cli(...args);
  expect(code).toBe(2);
  expect(err).toContain(message);
  expect(existsSync(join(cache, "models--test-org--tiny"))).toBe(false);
});
