/**
 * A row as Markdown with HTML: what the model sees, what of it is learned, where it would be cut. VS Code's sanitizer
 * leaves colours only on `span`, as hexadecimal or as a theme's variable. Pure.
 */

import type { RenderedSegment } from "../../dataset/rowTokens";
import type { RowView, TokenCounts } from "./rowView";

/** Characters of a row's text that are shown; a hover that is longer is not read. */
const MOST_SHOWN = 3200;
/** With markup and escapes. */
const LONGEST_BODY = 5200;
/** Stretches that are shown; markup around each takes room too. */
const MOST_STRETCHES = 24;

const LEARNED = "var(--vscode-charts-green)";
const CONTROL = "var(--vscode-charts-purple)";
const LOST = "var(--vscode-disabledForeground)";
const ASIDE = "var(--vscode-descriptionForeground)";
const MARK = "var(--vscode-charts-red)";

/** A stretch of one look. */
interface Stretch {
  text: string;
  learned: boolean;
  control: boolean;
  /** Beyond the end of the sequence. */
  lost: boolean;
  /** The sequence ends before this stretch. */
  cutBefore: boolean;
}

export function rowMarkdown({ segments, counts, template, dialect }: RowView): string {
  const body = bodyOf(stretchesOf(segments, counts), counts?.limit ?? 0);
  const head = [
    dialect.format.name,
    ...(template ? [`template ${template}`] : []),
    dialect.format.untrainable ?? countsText(counts),
  ].join(" · ");
  // No line break within: to Markdown an HTML block ends at a blank line.
  return `${escapeMarkdown(head)}\n\n<p><code>${body}</code></p>\n\n${legend(segments, counts)}`;
}

function bodyOf(stretches: readonly Stretch[], limit: number): string {
  let room = MOST_SHOWN;
  for (;;) {
    const body = shorten(stretches, room)
      .map((stretch) => html(stretch, limit))
      .join("");
    if (body.length <= LONGEST_BODY || room < MOST_STRETCHES) return body;
    // Where much must be escaped, less has room.
    room = Math.min(room - 1, Math.floor((room * LONGEST_BODY * 0.9) / body.length));
  }
}

export function countsText(counts: TokenCounts | null): string {
  if (!counts) return "tokens not counted: set tunesmith.tokenizerPath to a model's folder";
  const { total, prompt, response, limit } = counts;
  return `${figure(total)} of ${figure(limit)} tokens: ${figure(prompt)} prompt, ${figure(response)} learned`;
}

function legend(segments: readonly RenderedSegment[], counts: TokenCounts | null): string {
  const parts = [`<b>${span(LEARNED, "bold")}</b> is learned`];
  if (segments.some(({ control }) => control)) parts.push(`${span(CONTROL, "⟨ ⟩")} is a token of its own`);
  if (counts?.cut) parts.push(`${span(MARK, "✂")} is where the sequence ends`);
  return parts.join(" · ");
}

function stretchesOf(segments: readonly RenderedSegment[], counts: TokenCounts | null): Stretch[] {
  const cut = counts?.cut;
  const stretches: Stretch[] = [];
  segments.forEach(({ text, learned, control }, index) => {
    const push = (piece: string, lost: boolean, cutBefore: boolean) => {
      const last = stretches.at(-1);
      const alike = last && !cutBefore && !control && !last.control && last.learned === learned && last.lost === lost;
      if (alike) last.text += piece;
      else if (piece !== "" || cutBefore) stretches.push({ text: piece, learned, control, lost, cutBefore });
    };
    if (cut && index === cut.segment) {
      push(text.slice(0, cut.offset), false, false);
      push(text.slice(cut.offset), true, true);
    } else push(text, cut !== undefined && cut !== null && index > cut.segment, false);
  });
  return stretches;
}

/** Long stretches lose their middle, and many stretches theirs. */
function shorten(stretches: readonly Stretch[], room: number): Stretch[] {
  let shown = [...stretches];
  if (shown.length > MOST_STRETCHES) {
    const half = MOST_STRETCHES / 2;
    const left = shown.slice(half, -half);
    const cut = left.some(({ cutBefore }) => cutBefore);
    const characters = left.reduce((sum, { text }) => sum + text.length, 0);
    const gap: Stretch = { text: omitted(characters), learned: false, control: false, lost: false, cutBefore: cut };
    shown = [...shown.slice(0, half), gap, ...shown.slice(-half)];
  }
  const most = evenShare(
    shown.map(({ text }) => text.length),
    room,
  );
  return shown.map((stretch) => ({ ...stretch, text: withoutMiddle(stretch.text, most) }));
}

/** The length that stretches may have so that together they do not take more than there is room for. */
function evenShare(lengths: readonly number[], most: number): number {
  let room = most;
  const sorted = [...lengths].sort((a, b) => a - b);
  for (const [index, length] of sorted.entries()) {
    const share = room / (sorted.length - index);
    if (length > share) return Math.floor(share);
    room -= length;
  }
  return most;
}

function withoutMiddle(text: string, most: number): string {
  if (text.length <= most) return text;
  const tail = Math.floor(most / 3);
  const head = most - tail;
  const start = text.slice(0, head).replace(/[\ud800-\udbff]$/, "");
  const end = text.slice(text.length - tail).replace(/^[\udc00-\udfff]/, "");
  return `${start}${omitted(text.length - start.length - end.length)}${end}`;
}

function omitted(characters: number): string {
  return ` [… ${figure(characters)} characters …] `;
}

function html({ text, learned, control, lost, cutBefore }: Stretch, limit: number): string {
  const mark = cutBefore ? span(MARK, `✂ ${figure(limit)} tokens ✂`) : "";
  const shown = control ? `⟨${visibleText(text)}⟩` : visibleText(text);
  const colour = lost ? LOST : learned ? LEARNED : control ? CONTROL : null;
  const coloured = colour === null || shown === "" ? shown : span(colour, shown);
  return mark + (learned && shown !== "" ? `<b>${coloured}</b>` : coloured);
}

/** `content` must be escaped. */
function span(colour: string, content: string): string {
  return `<span style="color:${colour};">${content}</span>`;
}

export function aside(text: string): string {
  return span(ASIDE, visibleText(text));
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Escaped, with its line breaks and its indentation, and with what cannot be seen made visible. */
function visibleText(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => ESCAPES[character]!)
    .replace(/[\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff]/g, (character) => {
      return `⟨U+${character.charCodeAt(0).toString(16).toUpperCase()}⟩`;
    })
    .replace(/\r\n|\n/g, "<br>")
    .replace(/\t/g, "\u00a0\u00a0\u00a0\u00a0")
    .replace(/[\x00-\x1f]/g, (character) => String.fromCharCode(0x2400 + character.charCodeAt(0)))
    .replace(/ (?= )/g, "\u00a0")
    .replace(/<br> /g, "<br>\u00a0");
}

export function escapeMarkdown(text: string): string {
  return text
    .replace(/[&<>]/g, (character) => ESCAPES[character]!)
    .replace(/[\\`*_{}[\]()#+\-!|~]/g, "\\$&")
    .replace(/\s+/g, " ");
}

export function figure(value: number): string {
  return value.toLocaleString("en");
}
