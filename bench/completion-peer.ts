/**
 * Completion at Llama-3.2-1B's shape (random weights): Tunesmith's 4-bit export against llama.cpp's Q4_0.
 *
 *   node scripts/bench.mjs completion-peer --peer DIR [--models DIR] [--rounds N] [--threads N] [--block 128]
 *
 * DIR of --peer: a folder in which node-llama-cpp is installed. Both engines live in processes of their own and answer in
 * turn: 400 tokens are cached, 12 are new, 16 are generated. The fastest round of each side counts, memory is the resident
 * set after the last. Loading is timed on files that the system has in its cache, the better of two.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BlockFormat } from "../src/model/onnx/quantise";
import { llamaSide } from "./completion/llamaSide";
import { onnxSide } from "./completion/onnxSide";
import type { Side, SideReply, SideRequest } from "./completion/sides";
import { LLAMA_1B, syntheticExport, syntheticGguf } from "./completion/syntheticModel";

const CACHED = 400;
const FRESH = 12;
const GENERATED = 16;

interface Figures {
  load: number;
  first: number;
  total: number;
  memory: number;
}

/** In the child: `onnx FOLDER THREADS` or `llama FILE THREADS PEER`. */
async function serve([kind, path, threads, peer]: string[]): Promise<void> {
  const send = (reply: SideReply) => process.send!(reply);
  const start = performance.now();
  const side: Side =
    kind === "onnx" ? await onnxSide(path!, Number(threads)) : await llamaSide(peer!, path!, Number(threads));
  send({ type: "loaded", milliseconds: performance.now() - start });
  process.on("message", async ({ prompt, maxTokens }: SideRequest) => {
    const figures = await side.complete(prompt, maxTokens);
    send({ type: "completed", ...figures, residentBytes: process.memoryUsage.rss() });
  });
  process.on("disconnect", () => process.exit(0));
}

function reply(child: ChildProcess): Promise<SideReply> {
  return new Promise((found, fail) => {
    const ended = () => fail(new Error("A side ended."));
    child.once("exit", ended);
    child.once("message", (message) => {
      child.off("exit", ended);
      found(message as SideReply);
    });
  });
}

async function start(args: string[]): Promise<{ child: ChildProcess; load: number }> {
  const child = fork(__filename, ["--side", ...args]);
  const loaded = await reply(child);
  return { child, load: loaded.type === "loaded" ? loaded.milliseconds : Number.NaN };
}

async function ask(child: ChildProcess, request: SideRequest) {
  child.send(request);
  const found = await reply(child);
  if (found.type !== "completed") throw new Error("A side answered out of turn.");
  return found;
}

async function measure(sides: Record<string, string[]>, rounds: number): Promise<Record<string, Figures>> {
  const found: Record<string, Figures> = {};
  const children: Record<string, ChildProcess> = {};
  for (const [name, args] of Object.entries(sides)) {
    const first = await start(args);
    first.child.kill();
    const second = await start(args);
    children[name] = second.child;
    found[name] = { load: Math.min(first.load, second.load), first: Infinity, total: Infinity, memory: 0 };
  }
  const cached = Array.from({ length: CACHED }, (_, i) => 1000 + ((i * 7919) % 100_000));
  for (let round = -1; round < rounds; ++round) {
    const fresh = Array.from({ length: FRESH }, (_, i) => 1000 + ((i * 104_729 + (round + 1) * 31) % 100_000));
    for (const [name, child] of Object.entries(children)) {
      const answer = await ask(child, { prompt: [...cached, ...fresh], maxTokens: GENERATED });
      // The round before the first fills the caches.
      if (round < 0) continue;
      if (answer.reusedTokens !== CACHED) throw new Error(`${name} reused ${answer.reusedTokens} tokens.`);
      const figures = found[name]!;
      figures.first = Math.min(figures.first, answer.firstTokenMs);
      figures.total = Math.min(figures.total, answer.totalMs);
      figures.memory = answer.residentBytes / 2 ** 20;
    }
  }
  for (const child of Object.values(children)) child.kill();
  return found;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      peer: { type: "string" },
      models: { type: "string" },
      rounds: { type: "string" },
      threads: { type: "string" },
      block: { type: "string" },
    },
  });
  if (!values.peer) throw new Error("--peer is missing: a folder in which node-llama-cpp is installed.");
  const models = resolve(values.models ?? join(tmpdir(), "tunesmith-bench-1b"));
  await mkdir(models, { recursive: true });
  const blockSize = Number(values.block ?? 128) as BlockFormat["blockSize"];
  // What lies there is not written again.
  const exported = join(models, `int4-${blockSize}-screened`);
  const gguf = join(models, "q4_0.gguf");
  const format = {
    linear: { bits: 4, blockSize },
    embedding: { bits: 8, blockSize },
    screen: { bits: 4, blockSize },
  } as const;
  await syntheticExport(exported, LLAMA_1B, format);
  await syntheticGguf(gguf, LLAMA_1B);
  const threads = values.threads ?? "2";
  const sides = { tunesmith: ["onnx", exported, threads], "llama.cpp": ["llama", gguf, threads, resolve(values.peer)] };
  const found = await measure(sides, Number(values.rounds ?? 8));
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, ${threads} threads, 4 bits in blocks of ${blockSize}`);
  const row = (name: string, cells: string[]) =>
    console.log(name.padEnd(12) + cells.map((c) => c.padStart(15)).join(""));
  row("", ["load ms", "first token ms", "end to end ms", "memory MiB"]);
  for (const [name, { load, first, total, memory }] of Object.entries(found)) {
    row(
      name,
      [load, first, total, memory].map((value) => value.toFixed(0)),
    );
  }
  const [ours, theirs] = [found.tunesmith!, found["llama.cpp"]!];
  const keys = ["load", "first", "total", "memory"] as const;
  row(
    "ratio",
    keys.map((key) => (ours[key] / theirs[key]).toFixed(2)),
  );
}

if (process.argv[2] === "--side") serve(process.argv.slice(3));
else {
  main().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
