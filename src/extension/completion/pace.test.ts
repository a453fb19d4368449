import { describe, expect, it } from "vitest";
import { afterKey, afterOutcome, BOUNDS, delayFor, type Habits, NO_HABITS } from "./pace";

const typing = (intervalMs: number, keys = 20, from: Habits = NO_HABITS) =>
  Array.from({ length: keys }).reduce<Habits>((habits) => afterKey(habits, intervalMs), from);
const outcomes = (outcome: "accepted" | "dismissed", times: number, from: Habits = NO_HABITS) =>
  Array.from({ length: times }).reduce<Habits>((habits) => afterOutcome(habits, outcome), from);

describe("the wait before a request", () => {
  it("is the setting's before anything is known", () => expect(delayFor(120, NO_HABITS)).toBe(120));

  it("grows while the user types fast over what is offered", () => {
    const slow = delayFor(120, outcomes("dismissed", 10, typing(800)));
    const fast = delayFor(120, outcomes("dismissed", 10, typing(60)));
    expect(slow).toBeGreaterThan(120);
    expect(fast).toBeGreaterThan(slow);
  });

  it("stays the setting's for one who only types fast", () => expect(delayFor(120, typing(60))).toBe(120));

  it("shrinks after accepts, and forgets them", () => {
    const accepted = outcomes("accepted", 3);
    expect(delayFor(120, accepted)).toBeLessThan(100);
    expect(delayFor(120, outcomes("dismissed", 10, accepted))).toBeGreaterThan(120);
  });

  it("keeps to its bounds, and to nothing where the setting is 0", () => {
    for (const habits of [outcomes("accepted", 1000, typing(1)), outcomes("dismissed", 1000, typing(1))]) {
      expect(delayFor(100, habits)).toBeGreaterThanOrEqual(100 * BOUNDS.least);
      expect(delayFor(100, habits)).toBeLessThanOrEqual(100 * BOUNDS.most);
      expect(delayFor(0, habits)).toBe(0);
    }
  });

  it("does not count a pause for thought as slow typing, nor a clock that was set back", () => {
    const fast = typing(60);
    expect(afterKey(afterKey(fast, 60_000), -5)).toEqual(fast);
  });
});
