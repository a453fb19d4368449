import { describe, expect, it } from "vitest";
import type { CurvePiece } from "../../protocol/curveView";
import type { EngineEvent } from "../../protocol/engine";
import { stepsOf } from "../../protocol/seriesPiece";
import { RunHistory } from "../../run/runHistory";
import { CurveFeed } from "./curveFeed";

function grow(history: RunHistory, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    history.series.loss.add(step, 1);
    history.series.learningRate.add(step, 1);
  }
}

function feedOf(history: RunHistory) {
  const sent: CurvePiece[] = [];
  const feed = new CurveFeed(
    "a",
    ["loss", "evalLoss", "learningRate"],
    () => history,
    (piece) => sent.push(piece),
  );
  const steps = (name: "loss" | "learningRate" = "loss") =>
    sent.flatMap(({ series }) => (series[name] === undefined ? [] : stepsOf(series[name])));
  return { feed, sent, steps };
}

const range = (length: number) => Array.from({ length }, (_, index) => index);
const start = (attempt: number, resumedFrom: number): EngineEvent => ({
  time: 1,
  attempt,
  type: "start",
  engine: "fake",
  pid: 1,
  device: "cpu",
  threads: 1,
  resumedFrom,
  totalSteps: 100,
});

describe("the feed of a run's curves", () => {
  it("sends nothing until the steps are read, and then all", async () => {
    const history = new RunHistory();
    grow(history, 0, 10);
    let read: RunHistory | undefined;
    const sent: CurvePiece[] = [];
    const feed = new CurveFeed(
      "a",
      ["loss"],
      () => read,
      (piece) => sent.push(piece),
    );
    feed.sendFirst();
    await feed.send();
    expect(sent).toEqual([]);
    read = history;
    await feed.send();
    expect(sent.map(({ restart, last }) => ({ restart, last }))).toEqual([{ restart: true, last: true }]);
    expect(stepsOf(sent[0]!.series.loss!)).toEqual(range(10));
  });

  it("sends long curves in pieces, each point once and in order, and says which is the last", async () => {
    const history = new RunHistory();
    grow(history, 0, 200_000);
    const { feed, sent, steps } = feedOf(history);
    await feed.send();
    expect(steps()).toEqual(range(200_000));
    expect(steps("learningRate")).toEqual(range(200_000));
    const points = sent.map(({ series }) => Object.values(series).reduce((sum, { values }) => sum + values.length, 0));
    expect(Math.max(...points)).toBeLessThanOrEqual(120_000);
    expect(sent.map(({ restart }) => restart)).toEqual([true, false, false, false]);
    expect(sent.map(({ last }) => last)).toEqual([false, false, false, true]);
  });

  it("sends what comes while it is at it, and what comes later", async () => {
    const history = new RunHistory();
    grow(history, 0, 150_000);
    const { feed, sent, steps } = feedOf(history);
    const first = feed.send();
    grow(history, 150_000, 150_010);
    void feed.send();
    await first;
    grow(history, 150_010, 150_011);
    history.marks.push({ kind: "checkpoint", step: 7 });
    await feed.send();
    expect(steps()).toEqual(range(150_011));
    expect(sent.at(-1)!.marks).toEqual([{ kind: "checkpoint", step: 7 }]);
  });

  it("tells of an empty curve once, and sends nothing without need", async () => {
    const { feed, sent } = feedOf(new RunHistory());
    await feed.send();
    await feed.send();
    expect(sent).toEqual([{ type: "curve", id: "a", restart: true, last: true, series: {}, marks: [] }]);
  });

  it("starts over by itself when a later attempt took points back", async () => {
    const history = new RunHistory();
    history.add(start(1, 0));
    grow(history, 0, 20);
    const { feed, sent, steps } = feedOf(history);
    await feed.send();
    history.add(start(2, 10));
    grow(history, 11, 15);
    sent.length = 0;
    await feed.send();
    expect(sent).toHaveLength(1);
    expect(sent[0]!.restart).toBe(true);
    expect(steps()).toEqual(range(15));
  });

  it("sends all anew to a page that has come up anew", async () => {
    const history = new RunHistory();
    grow(history, 0, 5);
    const { feed, sent } = feedOf(history);
    await feed.send();
    feed.restart();
    await feed.send();
    expect(sent[1]).toEqual(sent[0]);
  });

  it("ends with its panel", async () => {
    const history = new RunHistory();
    grow(history, 0, 100_000);
    const { feed, sent } = feedOf(history);
    const sending = feed.send();
    feed.dispose();
    await sending;
    expect(sent).toHaveLength(1);
  });
});
