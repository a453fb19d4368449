/**
 * How fast a data set of 1 GB is checked from the disk, in how much memory, and how soon a cancel is obeyed. Bars:
 * structure ≥ 120 MB/s on one core, ≤ 400 MB, ≤ 200 ms. Beside it the floors: reading alone, and reading with nothing
 * but JSON.parse of each line.
 *
 *   npm run bench:validate [-- MEGABYTES]
 */
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { LineReader } from "../src/dataset/lines";
import { type CheckScope, scanFile } from "../src/dataset/scan/scanFile";

const SAMPLE = "../shared/data/instruct/python-alpaca-1200.jsonl";
const MEGABYTE = 1e6;

/** Real rows over and over, each with an instruction of its own, so that none is a duplicate. */
function writeDataset(path: string, bytes: number): void {
  const rows = sampleRows();
  const file = openSync(path, "w");
  for (let written = 0, number = 0; written < bytes; ) {
    const lines: string[] = [];
    for (let count = 0; count < 2000; count++, number++) {
      const row = rows[number % rows.length]!;
      lines.push(JSON.stringify({ ...row, instruction: `${row.instruction} (${number})` }));
    }
    written += writeSync(file, `${lines.join("\n")}\n`);
  }
  closeSync(file);
}

interface SampleRow {
  instruction: string;
  input: string;
  output: string;
}

function sampleRows(): SampleRow[] {
  if (existsSync(SAMPLE)) {
    const lines = readFileSync(SAMPLE, "utf8").trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line) as SampleRow);
  }
  const output =
    "def total(values):\n    result = 0\n    for value in values:\n        result += value\n    return result\n";
  return [{ instruction: "Write a function that adds up a list of numbers.", input: "", output: output.repeat(4) }];
}

const measures: Record<string, (path: string) => Promise<Record<string, number>>> = {
  reading: async (path) => {
    const file = await open(path);
    const chunk = Buffer.allocUnsafe(256 * 1024);
    while ((await file.read(chunk, 0, chunk.length, null)).bytesRead > 0);
    await file.close();
    return {};
  },
  parsing: async (path) => {
    let rows = 0;
    for await (const lines of new LineReader(path, { hash: false }).batches()) {
      for (const { text } of lines) if (text && JSON.parse(text)) rows++;
    }
    return { rows };
  },
  structure: (path) => scanned(path, "structure"),
  all: (path) => scanned(path, "all"),
  cancelStructure: (path) => cancelled(path, "structure"),
  cancelAll: (path) => cancelled(path, "all"),
};

async function scanned(path: string, scope: CheckScope): Promise<Record<string, number>> {
  const { rows, usable, totals } = await scanFile(path, { scope });
  return { rows, usable, problems: totals.error + totals.warning + totals.information };
}

async function cancelled(path: string, scope: CheckScope): Promise<Record<string, number>> {
  const latencies: number[] = [];
  for (let after = 500; after <= 1500; after += 100) {
    const abort = new AbortController();
    let asked = 0;
    setTimeout(() => {
      asked = performance.now();
      abort.abort();
    }, after);
    await scanFile(path, { scope, signal: abort.signal }).catch(() => {});
    latencies.push(performance.now() - asked);
  }
  return { slowestMs: Math.max(...latencies) };
}

/** In a process of its own, so that the memory is that of the measure alone. */
function measured(name: string, path: string): Record<string, number> {
  const output = execFileSync(process.execPath, [__filename, "--measure", name, path], { encoding: "utf8" });
  return JSON.parse(output) as Record<string, number>;
}

async function measure(name: string, path: string): Promise<void> {
  const start = performance.now();
  const figures = await measures[name]!(path);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage();
  const figure = (value: number) => Number(value.toFixed(2));
  console.log(
    JSON.stringify({
      ...figures,
      seconds: figure(seconds),
      cpuSeconds: figure((user + system) / 1e6),
      megabytesPerSecond: figure(statSync(path).size / MEGABYTE / seconds),
      peakMegabytes: figure((process.resourceUsage().maxRSS * 1024) / MEGABYTE),
    }),
  );
}

function main(): void {
  const folder = mkdtempSync(join(tmpdir(), "bench-validate-"));
  try {
    const path = join(folder, "data.jsonl");
    const small = join(folder, "small.jsonl");
    writeDataset(path, Number(process.argv[2] ?? 1000) * MEGABYTE);
    writeDataset(small, 20 * MEGABYTE);
    console.log(`${(statSync(path).size / MEGABYTE).toFixed(0)} MB, ${cpus().length} cores, load ${loadavg()[0]}`);
    for (const name of ["reading", "parsing", "structure"]) console.log(name.padEnd(16), measured(name, path));
    console.log("all (20 MB)".padEnd(16), measured("all", small));
    for (const name of ["cancelStructure", "cancelAll"]) console.log(name.padEnd(16), measured(name, path));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [flag, name, path] = process.argv.slice(2);
if (flag === "--measure") void measure(name!, path!);
else main();
