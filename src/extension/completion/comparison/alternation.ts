export type Side = 0 | 1;

/**
 * Whose turn it is: a side has it until it has made a completion, so that requests that are given up while the user types
 * change nothing, and both sides make as many.
 */
export class Alternation {
  #turn: Side;

  /** Who begins follows from the comparison's id, so that it can be told afterwards but not guessed. */
  constructor(id: string) {
    let sum = 0;
    for (const character of id) sum += character.codePointAt(0)!;
    this.#turn = sum % 2 === 0 ? 0 : 1;
  }

  get turn(): Side {
    return this.#turn;
  }

  made(by: Side): void {
    if (by === this.#turn) this.#turn = by === 0 ? 1 : 0;
  }
}
