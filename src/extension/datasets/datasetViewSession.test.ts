import { beforeEach, describe, expect, it } from "vitest";
import type { DatasetReport, ToDatasetView } from "../../protocol/datasetView";
import { JobCancelled } from "../jobs/runJob";
import { parseDatasetViewState, parseFromDatasetView } from "./datasetViewMessages";
import { DatasetViewSession } from "./datasetViewSession";

const spread = {
  rows: 0,
  total: 0,
  mean: 0,
  min: 0,
  max: 0,
  p5: 0,
  p25: 0,
  p50: 0,
  p75: 0,
  p95: 0,
  p99: 0,
  histogram: [],
};
const report: DatasetReport = {
  path: "/data.jsonl",
  bytes: 10,
  modified: 1,
  format: "alpaca",
  rows: 1,
  usable: 1,
  checks: "all",
  sequenceLength: null,
  beyond: null,
  unit: "characters",
  length: spread,
  promptLength: spread,
  answerLength: spread,
  problems: [],
  languages: [],
  tasks: [],
  moreTasks: 0,
  split: null,
  heldOutFile: null,
  duplicates: { exact: 0, near: null, conflicting: null, leaked: 0 },
  notCompared: 0,
  sample: [
    { row: 7, offset: 100, skip: 2, title: "", length: 1, language: null, task: null, heldOut: null, problems: [] },
  ],
};

/** A job that the test ends as it likes. */
interface Job {
  signal: AbortSignal;
  progress(stage: string, fraction: number | null): void;
  end(value: unknown): void;
  fail(error: Error): void;
}

let posted: ToDatasetView[];
let jobs: Job[];
let stamp: { bytes: number; modified: number } | null;
let asked: unknown[];
let session: DatasetViewSession;
const types = () => posted.map(({ type }) => type);
const settled = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  posted = [];
  jobs = [];
  asked = [];
  stamp = { bytes: 10, modified: 1 };
  session = new DatasetViewSession("/data.jsonl", {
    report: (signal, progress) =>
      new Promise((end, fail) => {
        signal.addEventListener("abort", () => fail(new JobCancelled()));
        jobs.push({ signal, progress, end, fail });
      }),
    preview: async (place) => {
      asked.push(place);
      return { state: "unreadable", message: "No.", source: "" };
    },
    stamp: async () => stamp,
    post: (message) => posted.push(message),
    translate: (text) => text.toUpperCase(),
    texts: { reading: "Reading", changed: "It has changed." },
  });
});

async function read(): Promise<void> {
  session.show();
  jobs.at(-1)!.end(report);
  await settled();
}

describe("the session of a data set view", () => {
  it("reads the file when its page comes up, and tells how far it is", async () => {
    session.show();
    jobs[0]!.progress("Checking", 0.5);
    jobs[0]!.end(report);
    await settled();
    expect(posted).toEqual([
      { type: "loading", dataset: "/data.jsonl", stage: "Reading", fraction: null },
      { type: "loading", dataset: "/data.jsonl", stage: "CHECKING", fraction: 0.5 },
      { type: "report", report },
    ]);
  });

  it("tells a page that comes up again what is known, without reading again", async () => {
    await read();
    posted = [];
    session.show();
    await settled();
    expect([types(), jobs.length]).toEqual([["report"], 1]);
  });

  it("keeps the report where a new reading fails or is cancelled", async () => {
    await read();
    void session.refresh();
    jobs[1]!.fail(new Error("Out of memory."));
    await settled();
    expect(posted.at(-1)).toEqual({ type: "failed", dataset: "/data.jsonl", message: "Out of memory." });
    void session.refresh();
    session.cancel();
    expect(posted.at(-1)).toEqual({ type: "cancelled", dataset: "/data.jsonl" });
    session.cancel();
    await settled();
    expect(types().filter((type) => type === "cancelled")).toHaveLength(1);
    posted = [];
    session.show();
    expect(types()).toEqual(["report", "cancelled"]);
  });

  it("ends a reading that another one takes over from, and says nothing of its end", async () => {
    session.show();
    void session.refresh();
    await settled();
    expect(jobs[0]!.signal.aborted).toBe(true);
    jobs[0]!.progress("Late", 1);
    jobs[1]!.end(report);
    await settled();
    expect(types()).toEqual(["loading", "loading", "report"]);
  });

  it("says once that the file has changed, and no longer when it is read again", async () => {
    await read();
    stamp = { bytes: 11, modified: 1 };
    await session.lookForChange();
    await session.lookForChange();
    expect(types().filter((type) => type === "changed")).toHaveLength(1);
    void session.refresh();
    jobs[1]!.end({ ...report, bytes: 11 });
    await settled();
    posted = [];
    session.show();
    await settled();
    expect(types()).toEqual(["report"]);
  });

  it("reads a row by its place, but not from another file than the one that was read", async () => {
    await read();
    await session.showRow(7);
    expect(asked).toEqual([{ offset: 100, skip: 2 }]);
    expect(posted.at(-1)).toMatchObject({ type: "row", row: 7, result: { message: "No." } });
    await session.showRow(8);
    stamp = null;
    await session.showRow(7);
    expect(asked).toHaveLength(1);
    expect(posted.slice(-2)).toEqual([{ type: "changed" }, { type: "rowFailed", row: 7, message: "It has changed." }]);
  });

  it("takes a report that is none for a failure", async () => {
    session.show();
    jobs[0]!.end({ ...report, rows: "many" });
    await settled();
    expect(types()).toEqual(["loading", "failed"]);
  });

  it("ends its reading with the view, silently", async () => {
    session.show();
    session.dispose();
    await settled();
    expect([jobs[0]!.signal.aborted, types()]).toEqual([true, ["loading"]]);
  });
});

describe("what a page may send", () => {
  it("is a message of the protocol", () => {
    expect(parseFromDatasetView({ type: "showRow", row: 3 })).toEqual({ type: "showRow", row: 3 });
    expect(parseFromDatasetView({ type: "openCheck", check: "json-syntax" })).toBeDefined();
  });

  it.each([
    { type: "showRow", row: 0 },
    { type: "showRow", row: 1.5 },
    { type: "showRow" },
    { type: "openCheck", check: "../../../etc/passwd" },
    { type: "openCheck", check: "a".repeat(100) },
    { type: "run", command: "rm" },
    null,
    "ready",
  ])("is not %j", (message) => {
    expect(parseFromDatasetView(message)).toBeUndefined();
  });

  it("left for its next life is the data set's path", () => {
    expect(parseDatasetViewState({ dataset: "/a.jsonl" })).toEqual({ dataset: "/a.jsonl" });
    expect([parseDatasetViewState({}), parseDatasetViewState(undefined)]).toEqual([undefined, undefined]);
  });
});
