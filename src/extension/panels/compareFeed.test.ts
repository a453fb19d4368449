import { describe, expect, it } from "vitest";
import type { ToCompareView } from "../../protocol/compareView";
import type { Point } from "../../protocol/webview";
import type { Curve } from "../../run/runHistory";
import { CompareFeed } from "./compareFeed";

type PointsMessage = Extract<ToCompareView, { type: "points" }>;

const points = (from: number, to: number): Point[] =>
  Array.from({ length: to - from }, (_, index) => ({ step: from + index, value: 1 }));

function feedOf(curve: Curve) {
  const sent: PointsMessage[] = [];
  const feed = new CompareFeed(
    "a",
    () => curve,
    (message) => sent.push(message),
  );
  const steps = () => sent.flatMap(({ loss }) => loss.map(({ step }) => step));
  return { feed, sent, steps };
}

describe("the feed of a curve", () => {
  it("sends a long curve in pieces, each point once and in order", async () => {
    const curve: Curve = { loss: points(0, 12_345), evalLoss: points(0, 7), checkpoints: [] };
    const { feed, sent, steps } = feedOf(curve);
    await feed.send();
    expect(steps()).toEqual(curve.loss.map(({ step }) => step));
    expect(Math.max(...sent.map(({ loss }) => loss.length))).toBeLessThanOrEqual(5000);
    expect(sent.map(({ restart }) => restart)).toEqual([true, false, false]);
    expect(sent.flatMap(({ evalLoss }) => evalLoss)).toHaveLength(7);
  });

  it("sends what comes while it is at it, and what comes later", async () => {
    const curve: Curve = { loss: points(0, 6000), evalLoss: [], checkpoints: [] };
    const { feed, steps } = feedOf(curve);
    const first = feed.send();
    curve.loss.push(...points(6000, 6010));
    void feed.send();
    await first;
    curve.loss.push(...points(6010, 6011));
    await feed.send();
    expect(steps()).toEqual(Array.from({ length: 6011 }, (_, index) => index));
  });

  it("tells of an empty curve once, and sends nothing without need", async () => {
    const { feed, sent } = feedOf({ loss: [], evalLoss: [], checkpoints: [] });
    await feed.send();
    await feed.send();
    expect(sent).toHaveLength(1);
  });

  it("starts over when points were taken back", async () => {
    const curve: Curve = { loss: points(0, 20), evalLoss: points(0, 3), checkpoints: [] };
    const { feed, sent } = feedOf(curve);
    await feed.send();
    curve.loss = points(0, 10);
    feed.restart();
    await feed.send();
    expect(sent[1]).toEqual({ type: "points", id: "a", restart: true, loss: points(0, 10), evalLoss: points(0, 3) });
  });

  it("ends with its panel", async () => {
    const { feed, sent } = feedOf({ loss: points(0, 100_000), evalLoss: [], checkpoints: [] });
    const sending = feed.send();
    feed.dispose();
    await sending;
    expect(sent).toHaveLength(1);
  });
});
