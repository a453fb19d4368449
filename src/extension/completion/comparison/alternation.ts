import { createHash } from "node:crypto";

export type Side = 0 | 1;

/**
 * Whose turn it is: a side has it until it has made a completion, so that requests that are given up while the user types
 * change nothing, and both sides make as many. Who comes first is drawn anew for every two turns: were the order always
 * the same, a user whose every second request is typed over would only ever see the suggestions of one side.
 */
export class Alternation {
  #turns = 0;

  /** What is drawn follows from the comparison's id, so that it can be told afterwards but not guessed. */
  constructor(private readonly id: string) {}

  get turn(): Side {
    const pair = Math.floor(this.#turns / 2);
    const [drawn = 0] = createHash("sha256").update(`${this.id} ${pair}`).digest();
    return ((drawn + this.#turns) % 2) as Side;
  }

  made(by: Side): void {
    if (by === this.turn) this.#turns++;
  }
}
