/** Which part of a text goes into a prompt. The same text gives the same part. */

import type { Tokenizer } from "../dataset/tokenizer";
import { tokensOf } from "./promptTokens";

type Encoder = Pick<Tokenizer, "encode">;

/** More characters than that a token holds on average nowhere; what is longer is cut before it is tokenized. */
const MOST_CHARACTERS_PER_TOKEN = 16;
/** Code holds about 3.5; what is not looked at more closely is at most a little longer than the window. */
const LIKELY_CHARACTERS_PER_TOKEN = 5;
/** A window is filled at least so far: the room that is left lets its beginning stay while the text grows. */
const LEAST_FILL = 0.7;
/** A text without line ends loses its beginning in steps of so many characters. */
const CUT_STEP = 512;

export interface Part {
  text: string;
  ids: number[];
  /** Tokens that it might have had. */
  room: number;
}

/**
 * The end of `text` in at most `budget` tokens, from a line's start on. Where the window begins depends on the lines
 * themselves, not on where they stand: of the lines at which it could begin, the same one stands out while the text grows
 * by a block, so the prompt's beginning stays and with it the KV cache. Beginnings of functions and classes stand out
 * more than others.
 */
export async function fitEnd(text: string, budget: number, tokenizer: Encoder): Promise<Part> {
  if (budget <= 0) return { text: "", ids: [], room: 0 };
  if (text.length <= budget * LIKELY_CHARACTERS_PER_TOKEN) {
    const [ids] = (await tokenizer.encode([text])) as [number[]];
    if (ids.length <= budget) return { text, ids, room: budget };
  }
  for (let most = budget * (await charactersPerToken(text, budget, tokenizer)); ; most *= 0.9) {
    const kept = text.slice(windowStart(text, Math.floor(most * LEAST_FILL), Math.floor(most)));
    const [ids] = (await tokenizer.encode([kept])) as [number[]];
    if (ids.length <= budget) return { text: kept, ids, room: budget };
  }
}

/** Of about as much as the window holds, up to the cursor's line: while that is typed, the measure stays the same. */
async function charactersPerToken(text: string, budget: number, tokenizer: Encoder): Promise<number> {
  const end = text.lastIndexOf("\n") + 1 || text.length;
  const sample = text.slice(characterStart(text, Math.max(0, end - budget * LIKELY_CHARACTERS_PER_TOKEN)), end);
  const [ids] = (await tokensOf([sample], tokenizer)) as [number[]];
  return Math.min(sample.length / Math.max(1, ids.length), MOST_CHARACTERS_PER_TOKEN);
}

/** Where the last `least` to `most` characters of `text` should begin. */
export function windowStart(text: string, least: number, most: number): number {
  if (most >= text.length) return 0;
  const from = text.length - most;
  const to = text.length - Math.min(least, most);
  let best: { at: number; rank: number } | null = null;
  for (let at = text.indexOf("\n", from - 1) + 1; at > 0 && at <= to && at < text.length; ) {
    const rank = rankOf(text, at);
    if (best === null || rank > best.rank) best = { at, rank };
    at = text.indexOf("\n", at) + 1;
  }
  if (best !== null) return best.at;
  // A line longer than the room is cut inside: better than no context at all.
  const step = Math.ceil(from / CUT_STEP) * CUT_STEP;
  return characterStart(text, step <= to ? step : from);
}

/** How much a line stands out as a beginning; equal lines are told apart by those that follow. */
function rankOf(text: string, at: number): number {
  const line = text.slice(at, at + 200);
  const kind = /^(?:async def|def|class|@)/.test(line)
    ? 3
    : /^[^\s#)\]}]/.test(line)
      ? 2
      : /^\s+(?:async )?def /.test(line)
        ? 1
        : 0;
  return kind * 2 ** 32 + hash(line);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; ++i) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** The beginning of `text` in at most `budget` tokens, whole lines where they fit. */
export async function fitStart(text: string, budget: number, tokenizer: Encoder): Promise<Part> {
  if (budget <= 0) return { text: "", ids: [], room: 0 };
  let keep = Math.min(text.length, budget * MOST_CHARACTERS_PER_TOKEN);
  for (;;) {
    const kept = keepStart(text, keep);
    const [ids] = (await tokensOf([kept], tokenizer)) as [number[]];
    if (ids.length <= budget) return { text: kept, ids, room: budget };
    keep = Math.min(kept.length - 1, Math.floor((kept.length * budget) / ids.length));
  }
}

/** At most the first `atMost` characters of `text`. */
export function keepStart(text: string, atMost: number): string {
  if (atMost >= text.length) return text;
  const newline = text.lastIndexOf("\n", atMost - 1);
  if (newline > 0) return text.slice(0, newline + 1);
  const end = characterStart(text, atMost);
  return text.slice(0, end > atMost ? atMost - 1 : end);
}

/** The first index from `index` on that is not inside a surrogate pair. */
function characterStart(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff ? index + 1 : index;
}
