/**
 * The language server on a data set of 18,000 rows and 12 MB: opening, every stage, keystrokes; and the JSON service of
 * VS Code on the same lines, in the same process.
 *
 *   npm run bench:server [ROWS]        one core: taskset -c 0 npm run bench:server
 *
 * Bars: first diagnostics 200 ms, structure 1 s, everything with tokens 6 s, a keystroke 16 ms at the 95th percentile;
 * the same syntax errors at least 5 times as fast as vscode-json-languageservice. Floor: JSON.parse of every line.
 */
import { type ChildProcess, fork } from "node:child_process";
import { resolve } from "node:path";
import { getLanguageService, TextDocument } from "vscode-json-languageservice";
import { IPCMessageReader, IPCMessageWriter } from "vscode-languageserver/node";
import { type ParsedRow, parseRow, parseValue } from "../src/dataset/checks/parseRow";
import { TestClient } from "../src/server/testing/client";
import { alpacaRow } from "./data/alpacaRows";

const ROWS = Number(process.argv[2] ?? 18_000);
const KEYSTROKES = 400;
const BROKEN_EVERY = 500;
const URI = "file:///bench/data.jsonl";

/** Some rows are broken, so that there is something to find. */
function makeLines(): string[] {
  return Array.from({ length: ROWS }, (_, index) => {
    const row = alpacaRow(index);
    return index % BROKEN_EVERY === BROKEN_EVERY - 1 ? row.replace(',"', '"') : row;
  });
}

function milliseconds(since: number): number {
  return Math.round((performance.now() - since) * 10) / 10;
}

function percentile(sorted: number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10;
}

async function startServer(): Promise<{ client: TestClient; child: ChildProcess }> {
  const child = fork(resolve("dist/server.js"), ["--node-ipc"], { silent: true });
  const client = new TestClient(new IPCMessageReader(child), new IPCMessageWriter(child));
  return { client, child };
}

async function measureOpening(text: string, tokenizerPath: string | null): Promise<Record<string, number>> {
  const { client, child } = await startServer();
  await client.initialize({ sequenceLength: 1024, tokenizerPath });
  // The server's modules and the compiler are warm in practice: a small file was open before.
  await client.open("file:///bench/warm.jsonl", `${alpacaRow(1)}\n`.repeat(200));
  await client.diagnostics("file:///bench/warm.jsonl");
  const since = performance.now();
  await client.open(URI, text);
  await client.nextDiagnostics(URI);
  const first = milliseconds(since);
  await client.nextDiagnostics(
    URI,
    (found) => found.filter(({ code }) => code === "json-syntax").length >= Math.floor(ROWS / BROKEN_EVERY),
  );
  const structure = milliseconds(since);
  await client.summary(URI);
  const all = milliseconds(since);
  child.kill();
  return { first, structure, all };
}

async function measureKeystrokes(text: string, lines: string[]): Promise<Record<string, number>> {
  const { client, child } = await startServer();
  await client.initialize({ sequenceLength: 1024, tokenizerPath: null });
  await client.open(URI, text);
  await client.diagnostics(URI);
  const times: number[] = [];
  for (let key = 0; key < KEYSTROKES; key++) {
    const line = (key * 7919) % lines.length;
    const at = { line, character: 20 + (key % 10) };
    const since = performance.now();
    await client.edit(URI, { range: { start: at, end: at }, text: key % 3 === 0 ? '"' : "x" });
    await client.nextDiagnostics(URI);
    times.push(performance.now() - since);
  }
  child.kill();
  times.sort((a, b) => a - b);
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95), p99: percentile(times, 0.99) };
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 10) / 10;
}

async function compareWithPeer(lines: string[]): Promise<Record<string, number>> {
  const service = getLanguageService({});
  const peer = async (): Promise<number> => {
    let errors = 0;
    for (const line of lines) {
      const document = TextDocument.create(URI, "json", 1, line);
      errors += Number((await service.doValidation(document, service.parseJSONDocument(document))).length > 0);
    }
    return errors;
  };
  const ours = (parse: (line: string) => ParsedRow): number => {
    let errors = 0;
    for (const line of lines) {
      const row = parse(line);
      errors += Number(row.kind === "invalid" || (row.kind === "value" && row.syntax.length > 0));
    }
    return errors;
  };
  const floor = (): void => {
    for (const line of lines) {
      try {
        JSON.parse(line);
      } catch {}
    }
  };
  const rounds: Record<string, number[]> = { syntax: [], repeatedKeysToo: [], peer: [], floor: [] };
  for (let round = 0; round < 5; round++) {
    let since = performance.now();
    const found = ours(parseValue);
    rounds.syntax!.push(performance.now() - since);
    since = performance.now();
    ours(parseRow);
    rounds.repeatedKeysToo!.push(performance.now() - since);
    since = performance.now();
    const foundByPeer = await peer();
    rounds.peer!.push(performance.now() - since);
    since = performance.now();
    floor();
    rounds.floor!.push(performance.now() - since);
    if (found !== foundByPeer) throw new Error(`${found} rows with errors, but ${foundByPeer} by the JSON service.`);
  }
  const median = (name: string) =>
    percentile(
      rounds[name]!.sort((a, b) => a - b),
      0.5,
    );
  return {
    syntax: median("syntax"),
    repeatedKeysToo: median("repeatedKeysToo"),
    peer: median("peer"),
    parseFloor: median("floor"),
    ratio: ratio(median("peer"), median("syntax")),
    ratioWithRepeatedKeys: ratio(median("peer"), median("repeatedKeysToo")),
  };
}

async function main(): Promise<void> {
  const lines = makeLines();
  const text = lines.join("\n");
  console.log(`${ROWS} rows, ${(Buffer.byteLength(text) / 1e6).toFixed(2)} MB; all times in ms`);
  console.log("opening, no tokenizer ", await measureOpening(text, null));
  console.log("opening with tokenizer", await measureOpening(text, resolve("models/tiny-python")));
  console.log("keystroke             ", await measureKeystrokes(text, lines));
  console.log("JSON service          ", await compareWithPeer(lines));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
