import type { CheckId } from "../checks/table";
import { boilerplate } from "../checks/text/boilerplate";
import { invisibleCharacter } from "../checks/text/invisibleCharacter";
import { findMojibake } from "../checks/text/mojibake";
import type { TextCheck } from "../checks/textPart";
import { stringValue } from "../json";
import { applyReplacements, editsInString, stringAt, type TextReplacement } from "./edits";
import type { RowFix } from "./fix";

/** Fixes of one text of a row. */

interface TextFix extends Pick<RowFix, "id" | "checks" | "title" | "safe"> {
  /** Of a single text. */
  single: string;
  certain: boolean;
  replacements(text: string): TextReplacement[];
}

/** A fix that reads the whole text in which something was found. */
export function textFix({ single, certain, replacements, ...about }: TextFix): RowFix {
  return {
    ...about,
    propose({ tree, text }, finding) {
      const node = tree && stringAt(tree, finding.offset);
      if (!node) return null;
      const decoded = stringValue(text, node);
      const replaced = replacements(decoded);
      if (replaced.length === 0 || leavesNothing(decoded, replaced)) return null;
      return { title: single, change: editsInString(text, node, replaced), certain };
    },
  };
}

/** An answer must not become empty: then the row itself is to be removed. */
function leavesNothing(text: string, replaced: readonly TextReplacement[]): boolean {
  return applyReplacements(text, replaced).trim() === "" && text.trim() !== "";
}

const control = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

function removals(text: string, pattern: RegExp): TextReplacement[] {
  return Array.from(text.matchAll(pattern), (match) => ({
    start: match.index,
    end: match.index + match[0].length,
    text: "",
  }));
}

export const removeControls = textFix({
  id: "remove-control-characters",
  checks: ["control-character"],
  title: "Remove the control characters",
  single: "Remove the control characters from this text",
  safe: true,
  certain: true,
  replacements: (text) => removals(text, control),
});

export const removeInvisible = textFix({
  id: "remove-invisible-characters",
  checks: ["invisible-character"],
  title: "Remove the invisible characters",
  single: "Remove the invisible characters from this text",
  safe: true,
  certain: true,
  replacements: findInvisible,
});

export const removeReplacement = textFix({
  id: "remove-replacement-characters",
  checks: ["replacement-character"],
  title: "Remove the replacement characters",
  single: "Remove the replacement characters from this text",
  safe: false,
  certain: false,
  replacements: (text) => removals(text, /\ufffd+/g),
});

export const removeSurrogates = textFix({
  id: "remove-lone-surrogates",
  checks: ["lone-surrogate"],
  title: "Remove the halves of surrogate pairs",
  single: "Remove the halves of surrogate pairs from this text",
  safe: false,
  certain: true,
  replacements: (text) => removals(text, loneSurrogate),
});

export const mendMojibake = textFix({
  id: "mend-mojibake",
  checks: ["mojibake"],
  title: "Mend the texts decoded with the wrong encoding",
  single: "Mend what was decoded with the wrong encoding in this text",
  safe: true,
  certain: true,
  replacements: findAllMojibake,
});

export const removeBoilerplate = textFix({
  id: "remove-boilerplate",
  checks: ["boilerplate"],
  title: "Remove the boilerplate around the answers",
  single: "Remove the boilerplate",
  safe: false,
  certain: false,
  replacements: findBoilerplate,
});

export const spacesForTabs = textFix({
  id: "tabs-to-spaces",
  checks: ["mixed-indentation"],
  title: "Indent with spaces alone",
  single: "Indent this text with spaces alone",
  safe: false,
  certain: true,
  replacements: findIndentingTabs,
});

/** A text is read in stretches of so many characters, so that many findings cost no more than few. */
const STRETCH = 4096;
/** Around a character, what the check looks at. */
const CONTEXT = 24;

function findInvisible(text: string): TextReplacement[] {
  // What the check says of a mark depends on the whole text: a letter stands for those in other stretches.
  const context = rightToLeft.test(text) ? "\u05d0" : "";
  const found: TextReplacement[] = [];
  for (let from = 0; from < text.length; ) {
    const before = context + withoutFound(text, Math.max(from - CONTEXT, 0), from, found);
    const range = rangeOf(invisibleCharacter, before + text.slice(from, from + STRETCH + CONTEXT));
    const start = range === null ? text.length : range.start - before.length + from;
    if (range === null || start >= from + STRETCH) {
      from += STRETCH;
      continue;
    }
    const end = start + range.end - range.start;
    if (start >= from) found.push({ start, end, text: "" });
    from = Math.max(end, from + 1);
  }
  return found;
}

function withoutFound(text: string, start: number, end: number, found: readonly TextReplacement[]): string {
  const within = found.slice(-CONTEXT).filter((removed) => removed.start >= start);
  const moved = within.map((removed) => ({ start: removed.start - start, end: removed.end - start, text: "" }));
  return applyReplacements(text.slice(start, end), moved);
}

function rangeOf(check: TextCheck, text: string): { start: number; end: number } | null {
  return check({ path: [], text, role: "answer" })[0]?.range ?? null;
}

function findAllMojibake(text: string): TextReplacement[] {
  const found: TextReplacement[] = [];
  let from = 0;
  for (let next = findMojibake(text); next !== null; next = findMojibake(text.slice(from))) {
    found.push({ start: from + next.start, end: from + next.end, text: next.mended });
    // The character before a stretch tells whether it is likely.
    from += next.end - 1;
  }
  return found;
}

/** A sentence that is longer says something besides. */
const longestSentence = 200;

function findBoilerplate(text: string): TextReplacement[] {
  const range = rangeOf(boilerplate, text);
  if (range === null) return [];
  if (text.slice(0, range.start).trim() === "") {
    const rest = /^[\s,]*/.exec(text.slice(range.end))![0];
    return [{ start: 0, end: range.end + rest.length, text: "" }];
  }
  if (/\bas an? /i.test(text.slice(range.start, range.end))) return [];
  const start = sentenceStart(text, range.start);
  const end = /^[^.!?\n]{0,200}[.!?]*/.exec(text.slice(range.end))![0].length + range.end;
  if (end - start > longestSentence) return [];
  const atEnd = text.slice(end).trim() === "";
  return [{ start: atEnd ? text.slice(0, start).trimEnd().length : start, end: atEnd ? text.length : end, text: "" }];
}

function sentenceStart(text: string, at: number): number {
  let start = at;
  while (start > 0 && at - start <= longestSentence && !/[.!?\n]/.test(text[start - 1]!)) start--;
  return start;
}

const TAB_WIDTH = 4;

function findIndentingTabs(text: string): TextReplacement[] {
  const found: TextReplacement[] = [];
  for (const match of text.matchAll(/(?<=^|\n)[ \t]*\t[ \t]*/g)) {
    let width = 0;
    for (const blank of match[0]) width += blank === "\t" ? TAB_WIDTH - (width % TAB_WIDTH) : 1;
    found.push({ start: match.index, end: match.index + match[0].length, text: " ".repeat(width) });
  }
  return found;
}

/** Fixes that take away, or put something else in the place of, the stretch that was found. */
interface StretchFix {
  id: string;
  check: CheckId;
  title: string;
  single: string;
  certain?: boolean;
  /** `found`: as it stands in the line. */
  put(found: string): string;
}

function stretchFix({ id, check, title, single, certain = false, put }: StretchFix): RowFix {
  return {
    id,
    checks: [check],
    title,
    safe: false,
    propose({ tree, text }, { offset, length }) {
      const node = tree && stringAt(tree, offset);
      if (!node || offset + length > node.offset + node.length - 1 || offset === node.offset) return null;
      const replacement = put(text.slice(offset, offset + length));
      const rest =
        text.slice(node.offset + 1, offset) + replacement + text.slice(offset + length, node.offset + node.length - 1);
      if (rest.trim() === "") return null;
      return { title: single, change: [{ offset, length, text: replacement }], certain };
    },
  };
}

export const removeSpecialToken = stretchFix({
  id: "remove-special-tokens",
  check: "special-token",
  title: "Remove the special tokens",
  single: "Remove the special token",
  put: () => "",
});

export const removeBeginToken = stretchFix({
  id: "remove-begin-tokens",
  check: "double-bos",
  title: "Remove the begin tokens",
  single: "Remove the begin token",
  certain: true,
  put: () => "",
});

export const removeTemplateMarker = stretchFix({
  id: "remove-template-markers",
  check: "template-marker",
  title: "Remove the marks of prompt templates",
  single: "Remove the mark of a prompt template",
  put: () => "",
});

export const redactSecret = stretchFix({
  id: "redact-secrets",
  check: "secret",
  title: "Replace secrets by [REDACTED]",
  single: "Replace by [REDACTED]",
  certain: true,
  put: () => "[REDACTED]",
});

export const redactPersonalData = stretchFix({
  id: "redact-personal-data",
  check: "personal-data",
  title: "Replace personal data by placeholders",
  single: "Replace by a placeholder",
  put: placeholderFor,
});

function placeholderFor(found: string): string {
  if (found.includes("@")) return "<email>";
  if (/^[+(]/.test(found)) return "<phone>";
  return /^[A-Z]/.test(found) ? "<iban>" : "<card>";
}
