/** A row of a file on the disk as the model sees it, for the data set view: the file need not be open, nor be small. */

import { type FileHandle, open, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { checkRow } from "../../dataset/checkRow";
import { parseRow } from "../../dataset/checks/parseRow";
import type { DialectChoice } from "../../dataset/formats/detect";
import type { Dialect } from "../../dataset/formats/format";
import { type Line, LineSplitter } from "../../dataset/lines";
import { detectFileDialect } from "../../dataset/readDataset";
import { type RenderedSegment, renderRow, renderWithoutTokens } from "../../dataset/rowTokens";
import type { Tokenizer } from "../../dataset/tokenizer";
import type { PreviewSegment, RowPreview, RowPreviewParams, RowPreviewResult } from "../../protocol/datasetView";
import type { Feature, ServerContext } from "../feature";
import { tokenPieces } from "./tokenPieces";

const CHUNK = 256 * 1024;
/** Shown of a row, in UTF-16 code units: more cannot be read, and a page with more slows down. */
const MOST_SHOWN = 24_000;
/** A longer line is not given to the tokenizer. */
const LONGEST_TOKENIZED = 2_000_000;
const KNOWN_TOKENS = 100_000;

export const rowPreview: Feature = {
  register(context) {
    const dialects = new FileDialects();
    const decoded = new WeakMap<Tokenizer, Map<number, string>>();
    context.connection.onRequest(
      "tunesmith/rowPreview",
      async (params: RowPreviewParams): Promise<RowPreviewResult> => {
        const path = fileURLToPath(params.uri);
        const line = await readLineAt(path, params.offset, params.skip);
        const dialect = await dialects.of(path, context.dialectChoice(params.uri));
        return previewLine(line, dialect, await loadedTokenizer(context), decoded);
      },
    );
  },
};

/** Null without one, and where it cannot be loaded: that is told elsewhere, and the text can be shown without. */
async function loadedTokenizer(context: ServerContext): Promise<Tokenizer | null> {
  try {
    return (await context.lengthCheck()?.tokenizer()) ?? null;
  } catch {
    return null;
  }
}

/** How files are written, found again when they change. */
class FileDialects {
  private readonly known = new Map<string, { stamp: string; dialect: Dialect | null }>();

  async of(path: string, choice: DialectChoice): Promise<Dialect | null> {
    const { mtimeMs, size } = await stat(path);
    const stamp = JSON.stringify([mtimeMs, size, choice]);
    const known = this.known.get(path);
    if (known?.stamp === stamp) return known.dialect;
    const dialect = await detectFileDialect(path, choice);
    this.known.set(path, { stamp, dialect });
    return dialect;
  }
}

/** The line after `skip` others from a byte at which a line begins; null where the file ends before. */
export async function readLineAt(path: string, offset: number, skip: number): Promise<Line | null> {
  const file = await open(path);
  try {
    return await lineAfter(file, offset, skip);
  } finally {
    await file.close();
  }
}

async function lineAfter(file: FileHandle, offset: number, skip: number): Promise<Line | null> {
  const splitter = new LineSplitter();
  const buffer = Buffer.allocUnsafe(CHUNK);
  let left = skip;
  for (let at = offset; ; ) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK, at);
    if (bytesRead === 0) return left === 0 ? splitter.end() : null;
    const lines = splitter.push(buffer.subarray(0, bytesRead));
    if (left < lines.length) return lines[left]!;
    left -= lines.length;
    at += bytesRead;
  }
}

export async function previewLine(
  line: Line | null,
  dialect: Dialect | null,
  tokenizer: Tokenizer | null,
  decoded: WeakMap<Tokenizer, Map<number, string>>,
): Promise<RowPreviewResult> {
  if (line === null) return unreadable("The file is shorter than it was: refresh the view.", "");
  const { text } = line;
  if (text === null) return unreadable("The line is too long to be a row.", "");
  const parsed = parseRow(text);
  if (parsed.kind === "blank") return unreadable("The line is blank.", "");
  if (parsed.kind === "invalid") return unreadable(parsed.syntax[0]!.message, text);
  const [problem] = checkRow(parsed.value, dialect);
  if (problem !== undefined || dialect === null) return unreadable(problem?.message ?? "", text);
  if (tokenizer === null || text.length > LONGEST_TOKENIZED) {
    return ready(renderWithoutTokens(parsed.value, dialect), null, null);
  }
  const row = await renderRow(parsed.value, dialect, tokenizer);
  const known = knownTokens(tokenizer, decoded);
  const { total, prompt, response } = row;
  return ready(row.segments, { total, prompt, response }, (segment) =>
    tokenPieces(segment.text, Array.from(segment.tokens), tokenizer, known),
  );
}

function unreadable(message: string, source: string): RowPreviewResult {
  return { state: "unreadable", message, source: source.slice(0, MOST_SHOWN) };
}

function knownTokens(tokenizer: Tokenizer, decoded: WeakMap<Tokenizer, Map<number, string>>): Map<number, string> {
  const known = decoded.get(tokenizer);
  if (known !== undefined && known.size < KNOWN_TOKENS) return known;
  const empty = new Map<number, string>();
  decoded.set(tokenizer, empty);
  return empty;
}

type Cut = (segment: RenderedSegment) => Promise<PreviewSegment["pieces"]>;

async function ready(
  segments: readonly RenderedSegment[],
  tokens: RowPreview["tokens"],
  cut: Cut | null,
): Promise<RowPreviewResult> {
  const shown: PreviewSegment[] = [];
  let room = MOST_SHOWN;
  let leftOut = 0;
  for (const segment of segments) {
    const { text, learned, control } = segment;
    const kept = text.slice(0, Math.max(0, room));
    leftOut += text.length - kept.length;
    room -= kept.length;
    if (kept === "") continue;
    shown.push({ text: kept, learned, control, pieces: await piecesOf(segment, kept, cut) });
  }
  return { state: "ready", preview: { segments: shown, tokens, leftOut } };
}

async function piecesOf(segment: RenderedSegment, kept: string, cut: Cut | null): Promise<PreviewSegment["pieces"]> {
  if (cut === null || kept.length < segment.text.length) return null;
  if (segment.control) return [{ text: kept, ids: Array.from(segment.tokens) }];
  return cut(segment);
}
