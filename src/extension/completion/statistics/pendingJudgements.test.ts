import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type PendingJudgement, PendingJudgements } from "./pendingJudgements";

const left = (id: string): PendingJudgement => ({
  id,
  document: "file:///shop.py",
  range: { start: 0, end: 3 },
  digest: "a".repeat(64),
  similarity: 1,
  at: 1000,
});

describe("what is still to be judged", () => {
  let stored: Map<string, unknown>;
  let current: PendingJudgement[];
  let updates: number;
  const memory = {
    get: <T>(key: string) => stored.get(key) as T | undefined,
    update: async (key: string, value: unknown) => {
      updates++;
      if (value === undefined) stored.delete(key);
      else stored.set(key, value);
    },
  };
  const open = () => new PendingJudgements(memory, () => current);

  beforeEach(() => {
    vi.useFakeTimers();
    stored = new Map();
    current = [];
    updates = 0;
  });
  afterEach(() => vi.useRealTimers());

  it("is there for the next window, written once for many edits", () => {
    const pending = open();
    current = [left("a"), left("b")];
    for (let edit = 0; edit < 100; edit++) pending.saveSoon();
    vi.runAllTimers();
    expect(updates).toBe(1);
    expect(open().take()).toEqual([left("a"), left("b")]);
  });

  it("is written at the latest when the window goes", () => {
    const pending = open();
    current = [left("a")];
    pending.saveSoon();
    pending.dispose();
    expect(open().take()).toEqual([left("a")]);
  });

  it("leaves nothing behind once it was judged or cleared", async () => {
    const pending = open();
    current = [left("a")];
    pending.saveSoon();
    vi.runAllTimers();
    current = [];
    pending.saveSoon();
    vi.runAllTimers();
    expect(stored.size).toBe(0);
    pending.saveSoon();
    vi.runAllTimers();
    expect(updates).toBe(2);
    current = [left("a")];
    pending.saveSoon();
    await pending.clear();
    vi.runAllTimers();
    expect(stored.size).toBe(0);
  });

  it("is read with care", () => {
    stored.set("tunesmith.suggestionsToJudge", [
      { ...left("a"), at: "soon" },
      null,
      left("b"),
      { ...left("c"), id: "/" },
    ]);
    expect(open().take()).toEqual([left("b")]);
    stored.set("tunesmith.suggestionsToJudge", "all");
    expect(open().take()).toEqual([]);
  });
});
