import { describe, expect, it } from "vitest";
import { Alternation, type Side } from "./alternation";

const other = (side: Side): Side => (side === 0 ? 1 : 0);

/** Whose turns the first `count` are. */
function turns(id: string, count: number): Side[] {
  const alternation = new Alternation(id);
  return Array.from({ length: count }, () => {
    const { turn } = alternation;
    alternation.made(turn);
    return turn;
  });
}

describe("Alternation", () => {
  it("ends a turn with a completion that was made by whom it is, and only then", () => {
    const alternation = new Alternation("c1");
    const first = alternation.turn;
    expect(alternation.turn).toBe(first);
    alternation.made(other(first));
    expect(alternation.turn).toBe(first);
    alternation.made(first);
    expect(alternation.turn).toBe(other(first));
    // A completion that was asked for while it was the first one's turn.
    alternation.made(first);
    expect(alternation.turn).toBe(other(first));
  });

  it("gives each side one of every two turns", () => {
    const taken = turns("c1", 100);
    for (let pair = 0; pair < 100; pair += 2) expect(taken[pair]).toBe(other(taken[pair + 1]!));
  });

  it("lets both be seen by a user who sees every second suggestion only", () => {
    const seen = turns("c1", 400).filter((_, index) => index % 2 === 1);
    const share = seen.filter((side) => side === 0).length / seen.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
  });

  it("draws the same for the same comparison, and something else for another one", () => {
    expect(turns("c1", 40)).toEqual(turns("c1", 40));
    expect(turns("c1", 40)).not.toEqual(turns("c2", 40));
  });
});
