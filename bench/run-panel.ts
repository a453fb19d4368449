/**
 * How a run of 100,000 steps weighs on the extension host, without VS Code around it: reading it, handing its curves to
 * a page as VS Code does (JSON with the columns beside it), and following it as it grows; and how long many such runs
 * take to be listed, as when a window is opened. Bars: the event loop is never held up for more than 20 ms, a panel has
 * its curves within 1 s of opening, an event is with the page within 150 ms of being on the disk (p95), and the state of
 * every run is known within 5 s.
 *
 *   npm run bench:runs [-- STEPS]
 */
import { appendFileSync, linkSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { CurveFeed } from "../src/extension/panels/curveFeed";
import type { CurvePiece, SeriesName } from "../src/protocol/curveView";
import { stepsOf } from "../src/protocol/seriesPiece";
import { openRuns } from "../src/run/openRuns";
import { ownIdentity } from "../src/run/processIdentity";
import { createRun, readRunSpec, runPaths, runsFolderOf } from "../src/run/runDirectory";
import { RunMonitor } from "../src/run/runMonitor";
import { saveCsv } from "../src/run/saveCsv";
import { clearStartMark } from "../src/run/startMark";
import { stepEvent, writeLongRun } from "./data/longRun";

const ROUNDS = 3;
const FOLLOWED = 100;
/** Between two steps that are followed. */
const STEP_MS = 25;
/** How many runs there are where a window is opened. */
const LISTED = [20, 100];
const series: readonly SeriesName[] = ["loss", "evalLoss", "learningRate", "gradientNorm", "tokensPerSecond", "memory"];

interface Round<T> {
  result: T;
  took: number;
  longestBlock: number;
}

async function round<T>(work: () => Promise<T>): Promise<Round<T>> {
  // What the bench itself left behind is not the host's.
  collectGarbage();
  await delay(100);
  const blocks = monitorEventLoopDelay({ resolution: 1 });
  blocks.enable();
  const begun = performance.now();
  const result = await work();
  const took = performance.now() - begun;
  await delay(5);
  blocks.disable();
  // The timer that measures sleeps a millisecond by itself.
  return { result, took, longestBlock: blocks.max / 1e6 - 1 };
}

/** How long the loop was held up at most, and how long it took: of the calmest of some rounds, as others use the machine. */
async function measured<T>(name: string, work: () => Promise<T>): Promise<T> {
  const rounds: Round<T>[] = [];
  while (rounds.length < ROUNDS) rounds.push(await round(work));
  const calmest = rounds.reduce((best, next) => (next.longestBlock < best.longestBlock ? next : best));
  const all = rounds.map(({ longestBlock }) => longestBlock.toFixed(1)).join(", ");
  console.log(
    `${name.padEnd(32)} ${calmest.took.toFixed(0).padStart(6)} ms   longest block ${calmest.longestBlock.toFixed(1)} ms (${all})`,
  );
  return calmest.result;
}

/** What VS Code does with a message before it leaves the host: typed arrays go beside the JSON. */
function serialised(piece: CurvePiece): number {
  const buffers: ArrayBufferLike[] = [];
  const text = JSON.stringify(piece, (_key, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value;
    buffers.push(value.buffer.slice(0));
    return buffers.length;
  });
  return text.length + buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

async function openPanel(monitor: RunMonitor): Promise<number> {
  let bytes = 0;
  const feed = new CurveFeed(
    "bench",
    series,
    () => monitor.history,
    (piece) => (bytes += serialised(piece)),
  );
  await feed.send();
  return bytes;
}

async function writeCsv(monitor: RunMonitor, file: string): Promise<void> {
  await saveCsv(monitor.history, file);
}

/** Milliseconds from an event's being written to its point's being posted, for each of some that follow the last. */
async function follow(directory: string): Promise<number[]> {
  const written = new Map<number, number>();
  const latencies: number[] = [];
  const monitor = await RunMonitor.open(directory);
  const feed = new CurveFeed(
    "bench",
    series,
    () => monitor.history,
    (piece) => {
      serialised(piece);
      const { loss } = piece.series;
      for (const step of loss === undefined ? [] : stepsOf(loss)) {
        const at = written.get(step);
        if (at !== undefined) latencies.push(performance.now() - at);
      }
    },
  );
  await feed.send();
  await monitor.follow(() => void feed.send());
  await delay(500);
  const from = monitor.history.step;
  for (let step = from + 1; step <= from + FOLLOWED; step++) {
    written.set(step, performance.now());
    appendFileSync(runPaths(directory).events, `${JSON.stringify(stepEvent(step, Date.now()))}\n`);
    await delay(STEP_MS);
  }
  await delay(300);
  await monitor.close();
  return latencies.sort((a, b) => a - b);
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Runs with the events of `original`, which the disk holds once; the first, and oldest, is at work. */
async function copiesOf(original: string, folder: string, count: number): Promise<string[]> {
  const spec = await readRunSpec(original);
  const directories: string[] = [];
  for (let index = 0; index < count; index++) {
    const { directory } = await createRun(runsFolderOf(folder), spec);
    await clearStartMark(directory);
    linkSync(runPaths(original).events, runPaths(directory).events);
    directories.push(directory);
  }
  const { pid, startTicks, host } = await ownIdentity();
  const lock = { pid, startTicks, host, attempt: 1, heartbeat: Date.now() };
  writeFileSync(runPaths(directories[0]!).lock, JSON.stringify(lock));
  return directories;
}

interface Listing {
  monitors: RunMonitor[];
  /** Milliseconds until the run at work was there. */
  workingAfter: number;
}

/** As the registry does: each in brief, and the steps of the one at work. */
async function list(directories: readonly string[]): Promise<Listing> {
  const begun = performance.now();
  const listing: Listing = { monitors: [], workingAfter: Number.NaN };
  await openRuns(directories, async (directory) => {
    const monitor = await RunMonitor.open(directory, "brief");
    listing.monitors.push(monitor);
    if (monitor.head().state !== "running") return;
    listing.workingAfter = performance.now() - begun;
    await monitor.want("whole");
  });
  return listing;
}

async function measureListing(original: string, folder: string, count: number): Promise<void> {
  const directories = await copiesOf(original, join(folder, String(count)), count);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const { monitors, workingAfter } = await measured(`listing ${count} such runs`, () => list(directories));
  collectGarbage();
  const kept = (process.memoryUsage().heapUsed - before) / 1e6;
  console.log(
    `  the run at work after ${workingAfter.toFixed(0)} ms; ${kept.toFixed(0)} MB of heap for ${monitors.length}`,
  );
}

async function main(): Promise<void> {
  const steps = Number(process.argv[2] ?? 100_000);
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-bench-"));
  try {
    console.log(`${cpus().length} cores of ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, ${steps} steps`);
    const directory = await writeLongRun(folder, steps);
    const monitor = await measured("reading the run", () => RunMonitor.open(directory));
    const bytes = await measured("handing its curves to a page", () => openPanel(monitor));
    console.log(`  ${(bytes / 1e6).toFixed(1)} MB`);
    await measured("writing all series as CSV", () => writeCsv(monitor, join(folder, "curves.csv")));
    const latencies = await measured(`opening and following ${FOLLOWED} steps`, () => follow(directory));
    const at = (share: number) =>
      latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
    console.log(
      `  ${latencies.length} points; written → posted: p50 ${at(0.5).toFixed(1)} ms, p95 ${at(0.95).toFixed(1)} ms, most ${at(1).toFixed(1)} ms`,
    );
    await monitor.close();
    for (const count of LISTED) await measureListing(directory, folder, count);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
