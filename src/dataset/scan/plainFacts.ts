/**
 * Of a row's facts those by which exact duplicates are found, at the speed that a file of gigabytes asks for: texts are
 * compared as they stand, but for white space at their ends. What `contentFacts` also sees through, white space at the
 * ends of lines, costs as much as parsing the row.
 */

import type { TextPart } from "../checks/textPart";
import { type Fingerprint, hashNumber } from "../duplicates/fingerprint";
import type { ExactFacts } from "../duplicates/rowFacts";
import type { RowPath } from "../problem";

const ROLE_CODES: Record<TextPart["role"], number> = { system: 1, instruction: 2, context: 3, answer: 4 };
const WHOLE_ROW: RowPath = [];

/** To be compared with each other only. Rows with these facts conflict with none and have no length. */
export function plainFacts(texts: readonly TextPart[]): ExactFacts {
  const content: Fingerprint = { high: 0, low: 0 };
  const prompt: Fingerprint = { high: 0, low: 0 };
  let hasContent = false;
  let hasPrompt = false;
  let instructionPath = WHOLE_ROW;
  for (const { text, role, path } of texts) {
    if (role === "instruction" && instructionPath === WHOLE_ROW) instructionPath = path;
    const trimmed = trim(text);
    if (trimmed === "") continue;
    const hash = hashOf(trimmed);
    hasContent = true;
    put(hash, ROLE_CODES[role], content);
    if (role === "answer") continue;
    hasPrompt = true;
    put(hash, 0, prompt);
  }
  return {
    content: hasContent ? content : null,
    prompt: hasPrompt ? prompt : null,
    answer: 0,
    promptCharacters: 0,
    answerCharacters: 0,
    answerWords: 0,
    instructionPath,
    answerPath: WHOLE_ROW,
  };
}

function put({ high, low }: Fingerprint, role: number, into: Fingerprint): void {
  hashNumber(role, into);
  into.high ^= high;
  into.low ^= low;
  hashNumber(0, into);
}

/** Most texts are trimmed, which two characters tell. */
function trim(text: string): string {
  return text.charCodeAt(0) > 0x20 && text.charCodeAt(text.length - 1) > 0x20 ? text : text.trim();
}

/** A text's bytes, to be read as words: several times as fast as to ask a string for its characters. */
const SCRATCH = 256 * 1024;
const PADDING = 8;
const bytes = Buffer.from(new ArrayBuffer(SCRATCH));
const words = new Int32Array(bytes.buffer);
/** A code unit has three bytes at most. */
const PIECE = Math.floor((SCRATCH - PADDING) / 3);
const hash: Fingerprint = { high: 0, low: 0 };

/** The object is used again by the next call. */
function hashOf(text: string): Fingerprint {
  hash.high = 0x2545f491;
  hash.low = 0x6c62272e;
  if (text.length <= PIECE) hashPiece(text);
  else for (let at = 0; at < text.length; at += PIECE) hashPiece(text.slice(at, at + PIECE));
  hashNumber(text.length, hash);
  return hash;
}

function hashPiece(text: string): void {
  const written = bytes.write(text, "utf8");
  for (let at = written; at < written + PADDING; at++) bytes[at] = 0;
  let { high, low } = hash;
  const count = (written + 3) >> 2;
  for (let at = 0; at < count; at += 2) {
    high = Math.imul(((high << 5) | (high >>> 27)) ^ words[at]!, 0x9e3779b1);
    // Each half goes into the other: texts that differ in one half's words alone must differ in both.
    low = Math.imul(((low << 13) | (low >>> 19)) ^ words[at + 1]! ^ (high >>> 15), 0x5f356495);
    high ^= low >>> 15;
  }
  hash.high = high;
  hash.low = low;
}
