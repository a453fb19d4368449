/**
 * THE way from a row to what the model sees, with its tokens: the hover, the length check and the data set view call
 * this. The tokens are those that preparation writes.
 */

import type { TemplateId } from "../protocol/run";
import { readRow } from "./checkRow";
import type { TextPart } from "./checks/textPart";
import { encodeSamples, isEncoded, TARGET_BIT } from "./encode";
import { fieldName } from "./formats/fields";
import type { Dialect } from "./formats/format";
import type { RowProblem } from "./problem";
import type { SpecialToken, SpecialTokens } from "./specialTokens";
import { chooseTemplate } from "./templates/registry";
import type { Segment, Template } from "./templates/template";
import type { Tokenizer } from "./tokenizer";

export interface RenderedSegment {
  text: string;
  learned: boolean;
  /** A token of its own, which `text` only shows. */
  control: boolean;
  tokens: Uint32Array;
}

export interface RenderedRow {
  template: Template;
  /** The begin token, where there is one, is the first. */
  segments: readonly RenderedSegment[];
  total: number;
  /** Tokens that are shown and not learned. */
  prompt: number;
  /** Tokens that are learned: answers and the ends after them. */
  response: number;
  /** Why the row cannot be encoded; the counts then leave out what could not. */
  problem: RowProblem | null;
}

/** Where a sequence ends within a row. */
export interface CutPoint {
  /** Index into the row's segments. */
  segment: number;
  /** Of the segment's text, in UTF-16 code units. */
  offset: number;
}

const NO_TOKENS = new Uint32Array(0);

/** Only for rows in which checkRow found no problem. */
export async function renderRows(
  rows: readonly unknown[],
  dialect: Dialect,
  tokenizer: Tokenizer,
  template: TemplateId | "auto" = "auto",
): Promise<RenderedRow[]> {
  const samples = rows.map((row) => readRow(row, dialect));
  const chosen = samples.map(({ shape }) => chooseTemplate(template, shape, tokenizer.special));
  const segments = samples.map((sample, index) => chosen[index]!.render(sample, tokenizer.special));
  // Segments are tokenized apart, so each has alone the tokens that it has in its row.
  const encoded = await encodeSamples(
    segments.flat().map((segment) => [segment]),
    tokenizer,
  );
  let next = 0;
  return segments.map((ofRow, index) => {
    const parts = encoded.slice(next, next + ofRow.length);
    next += ofRow.length;
    return putTogether(chosen[index]!, ofRow, parts, tokenizer.special);
  });
}

export async function renderRow(
  row: unknown,
  dialect: Dialect,
  tokenizer: Tokenizer,
  template: TemplateId | "auto" = "auto",
): Promise<RenderedRow> {
  return (await renderRows([row], dialect, tokenizer, template))[0]!;
}

/** What the model sees of a row where no tokenizer is known: names in brackets stand for the tokens of its own. */
export function renderWithoutTokens(row: unknown, dialect: Dialect): RenderedSegment[] {
  const sample = readRow(row, dialect);
  const segments = chooseTemplate("auto", sample.shape, NAMED_TOKENS).render(sample, NAMED_TOKENS);
  return segments.filter(({ text }) => text !== "").map((segment) => withTokens(segment, NO_TOKENS));
}

/** Null: the row fits. */
export async function cutPoint(row: RenderedRow, limit: number, tokenizer: Tokenizer): Promise<CutPoint | null> {
  let left = limit;
  for (const [segment, { text, tokens, control }] of row.segments.entries()) {
    if (tokens.length <= left) {
      left -= tokens.length;
      continue;
    }
    if (control || left === 0) return { segment, offset: 0 };
    const kept = await tokenizer.decode(Array.from(tokens.subarray(0, left)));
    return { segment, offset: offsetOf(kept, text) };
  }
  return null;
}

/** What is wrong with a row's tokens. `parts`: its texts. `limit`: the sequence length. */
export async function tokenProblems(
  row: RenderedRow,
  parts: readonly TextPart[],
  limit: number,
  tokenizer: Tokenizer,
): Promise<RowProblem[]> {
  if (row.problem) return [row.problem];
  const problems: RowProblem[] = [];
  if (!row.segments.some(({ learned, control, tokens }) => learned && !control && tokens.length > 0)) {
    const message = "No token of the row is learned besides the end of the answer: give it an answer.";
    problems.push({ check: "all-masked", message, path: [] });
  }
  if (row.total > limit) problems.push(await tooLong(row, parts, limit, tokenizer));
  return problems;
}

async function tooLong(
  row: RenderedRow,
  parts: readonly TextPart[],
  limit: number,
  tokenizer: Tokenizer,
): Promise<RowProblem> {
  const before = tokensBeforeAnswer(row);
  if (before >= limit) {
    const message = `The prompt alone has ${figure(before)} tokens, and a sequence holds ${figure(limit)}: nothing of the answer would be learned; shorten the prompt or raise the sequence length.`;
    return { check: "answer-cut", message, path: [] };
  }
  const cut = await cutPoint(row, limit, tokenizer);
  const place = cut === null ? null : placeInText(row, parts, cut);
  const where = place === null ? "" : `it would be cut in "${fieldName(place.part.path)}" ${placeInLines(place)}; `;
  const message = `The row has ${figure(row.total)} tokens, more than the sequence length of ${figure(limit)}: ${where}shorten it or raise the sequence length.`;
  if (place === null) return { check: "over-length", message, path: [] };
  const { part, offset } = place;
  return { check: "over-length", message, path: part.path, range: { start: offset, end: part.text.length } };
}

function tokensBeforeAnswer({ segments }: RenderedRow): number {
  let before = 0;
  for (const { learned, tokens } of segments) {
    if (learned && tokens.length > 0) break;
    before += tokens.length;
  }
  return before;
}

interface Place {
  part: TextPart;
  offset: number;
}

function placeInLines({ part, offset }: Place): string {
  let lines = 0;
  for (let at = part.text.indexOf("\n"); at >= 0 && at < offset; at = part.text.indexOf("\n", at + 1)) lines++;
  if (lines > 0) return `after line ${figure(lines)}`;
  return offset === 0 ? "at its beginning" : `after ${figure(offset)} characters`;
}

/** Of a cut in an answer, or in the end token after it: where that is in the row's own text. Null elsewhere. */
function placeInText(row: RenderedRow, parts: readonly TextPart[], cut: CutPoint): Place | null {
  const answers = parts.filter(({ role }) => role === "answer");
  let next = 0;
  let last: Place | null = null;
  for (const [index, segment] of row.segments.entries()) {
    if (segment.learned && !segment.control) {
      last = null;
      // An answer may be put together of several texts, and without the white space around it.
      let at = 0;
      for (; next < answers.length && at < segment.text.length; next++) {
        const part = answers[next]!;
        const found = startIn(segment.text, at, part.text);
        if (found === null) {
          if (at > 0) break;
          continue;
        }
        const end = at + found.length;
        last = { part, offset: found.skipped + found.length };
        if (index === cut.segment && cut.offset < end) return { part, offset: found.skipped + cut.offset - at };
        at = end;
      }
    }
    if (index === cut.segment) return segment.learned ? last : null;
    if (!segment.learned) last = null;
  }
  return null;
}

/** Whether a text, or the text without the white space around it, goes on at `at`. */
function startIn(rendered: string, at: number, text: string): { skipped: number; length: number } | null {
  if (rendered.startsWith(text, at)) return { skipped: 0, length: text.length };
  const trimmed = text.trim();
  if (trimmed === "" || !rendered.startsWith(trimmed, at)) return null;
  return { skipped: text.length - text.trimStart().length, length: trimmed.length };
}

/** How far `kept`, which was decoded from tokens, goes in the text that they were made of. */
function offsetOf(kept: string, text: string): number {
  // Some tokenizers leave out the first space when they decode.
  const decoded = text.startsWith(" ") && !kept.startsWith(" ") ? ` ${kept}` : kept;
  let same = 0;
  while (same < decoded.length && decoded[same] === text[same]) same++;
  // Half a character at the end is decoded as U+FFFD; a text that decodes otherwise is measured by length.
  if (decoded.length - same > 4) same = Math.min(decoded.length, text.length);
  return /[\ud800-\udbff]/.test(text[same - 1] ?? "") ? same - 1 : same;
}

function putTogether(
  template: Template,
  segments: readonly Segment[],
  encoded: Awaited<ReturnType<typeof encodeSamples>>,
  special: SpecialTokens,
): RenderedRow {
  const { begin } = special;
  const head = begin === null ? 0 : 1;
  const shown: RenderedSegment[] = [];
  if (begin) shown.push(withTokens({ text: begin.text, id: begin.id, learned: false }, Uint32Array.of(begin.id)));
  let problem: RowProblem | null = null;
  segments.forEach((segment, index) => {
    const result = encoded[index]!;
    if (!isEncoded(result)) problem ??= result;
    const tokens = isEncoded(result) ? result.tokens.subarray(head).map((word) => word & ~TARGET_BIT) : NO_TOKENS;
    if (segment.text !== "") shown.push(withTokens(segment, tokens));
  });
  let total = 0;
  let response = 0;
  for (const { learned, tokens } of shown) {
    // The first token of a sequence follows nothing that it could be learned from.
    if (learned) response += total === 0 && tokens.length > 0 ? tokens.length - 1 : tokens.length;
    total += tokens.length;
  }
  return { template, segments: shown, total, prompt: total - response, response, problem };
}

function withTokens({ text, learned, id }: Segment, tokens: Uint32Array): RenderedSegment {
  return { text, learned, control: id !== undefined, tokens };
}

function named(text: string): SpecialToken {
  return { id: -1, text };
}

const NAMED_TOKENS: SpecialTokens = {
  begin: null,
  end: named("<end>"),
  endTokens: [named("<end>")],
  fim: { prefix: named("<prefix>"), suffix: named("<suffix>"), middle: named("<middle>") },
  find: () => null,
};

function figure(value: number): string {
  return value.toLocaleString("en");
}
