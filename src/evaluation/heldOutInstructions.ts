import { createHash } from "node:crypto";
import type { TokenDocument } from "../model/heldOut";
import type { Contract } from "../protocol/run";

/** A held-out row as a question: the very tokens that stood before its answer in training. */
export interface HeldOutInstruction {
  /** Index into the manifest's sources. */
  source: number;
  /** 1-based line. */
  row: number;
  prompt: number[];
  /** The row's own answer, without the token that ends it. */
  expected: number[];
  /** What the answer may take: never more than the context has room for. */
  maxTokens: number;
}

/** A begin token alone asks nothing: such a row is plain text. */
const SHORTEST_PROMPT = 2;

/**
 * The held-out rows that ask for something: their last answer, and all that stands before it. Rows whose prompt leaves
 * no room for an answer are none.
 */
export function heldOutInstructions(
  documents: readonly TokenDocument[],
  contract: Contract,
  maxTokens: number,
): HeldOutInstruction[] {
  const ends = new Set(contract.endTokens.map(({ id }) => id));
  return documents.flatMap(({ ids, targets, source, row }) => {
    const { start, end } = lastStretch(targets);
    const expected = withoutEnd(ids.slice(start, end), ends).ids;
    const room = contract.contextLength - start;
    if (start < SHORTEST_PROMPT || expected.length === 0 || room < 1) return [];
    return [{ source, row, prompt: ids.slice(0, start), expected, maxTokens: Math.min(maxTokens, room) }];
  });
}

/** The last run of neighbouring targets: a conversation has one an answer. */
function lastStretch(targets: readonly number[]): { start: number; end: number } {
  let at = targets.length - 1;
  if (at < 0) return { start: 0, end: 0 };
  const end = targets[at]! + 1;
  while (at > 0 && targets[at - 1] === targets[at]! - 1) at--;
  return { start: targets[at]!, end };
}

/** The tokens before the first that ends an answer, and whether there is one. */
export function withoutEnd(ids: readonly number[], ends: ReadonlySet<number>): { ids: number[]; ended: boolean } {
  const end = ids.findIndex((id) => ends.has(id));
  return end < 0 ? { ids: [...ids], ended: false } : { ids: ids.slice(0, end), ended: true };
}

/** `count` of them, the same for the same seed wherever the others stand; in the rows' order. */
export function drawInstructions(
  instructions: readonly HeldOutInstruction[],
  count: number,
  seed: number,
): HeldOutInstruction[] {
  const hash = ({ source, row }: HeldOutInstruction) =>
    createHash("sha1").update(`evaluation\n${seed}\n${source}\n${row}`).digest("hex");
  const drawn = instructions.map((instruction) => ({ instruction, hash: hash(instruction) }));
  drawn.sort((a, b) => (a.hash < b.hash ? -1 : 1));
  return drawn
    .slice(0, count)
    .map(({ instruction }) => instruction)
    .sort((a, b) => a.source - b.source || a.row - b.row);
}
