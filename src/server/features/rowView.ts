/** One row of an open data set as the model sees it: the hover and the row's other views begin here. */

import type { Dialect, JsonObject } from "../../dataset/formats/format";
import { type CutPoint, cutPoint, type RenderedSegment, renderRow, renderWithoutTokens } from "../../dataset/rowTokens";
import type { Tokenizer } from "../../dataset/tokenizer";
import { isReadable } from "../datasetAnalysis";
import type { ServerContext } from "../feature";
import type { JsonlDocument, Line } from "../jsonlDocument";

/** Longer rows are not rendered while somebody waits. */
export const LONGEST_VIEWED = 256 * 1024;

export interface TokenCounts {
  total: number;
  prompt: number;
  response: number;
  limit: number;
  cut: CutPoint | null;
}

export interface RowView {
  row: JsonObject;
  dialect: Dialect;
  /** Shown to the user; null where no tokenizer decided on one. */
  template: string | null;
  segments: readonly RenderedSegment[];
  /** Null: there is no tokenizer. */
  counts: TokenCounts | null;
}

/** A row that can be read, with the format that it is written in; null for any other line. */
export function readableRow(
  context: ServerContext,
  document: JsonlDocument,
  line: number,
): { line: Line; row: JsonObject; dialect: Dialect } | null {
  const found = document.lines[line];
  const dialect = context.analyses.state(document.uri)?.dialect;
  if (!found?.record || !dialect || !isReadable(found.record) || found.text.length > LONGEST_VIEWED) return null;
  return { line: found, row: found.record.sample ?? (JSON.parse(found.text) as JsonObject), dialect };
}

export async function viewRow(context: ServerContext, row: JsonObject, dialect: Dialect): Promise<RowView> {
  const check = context.lengthCheck();
  const tokenizer = check && !dialect.format.untrainable ? await loaded(check.tokenizer()) : null;
  if (!check || !tokenizer) {
    return { row, dialect, template: null, segments: renderWithoutTokens(row, dialect), counts: null };
  }
  const rendered = await renderRow(row, dialect, tokenizer);
  const { segments, template, total, prompt, response } = rendered;
  const limit = check.sequenceLength;
  const cut = total > limit ? await cutPoint(rendered, limit, tokenizer) : null;
  return { row, dialect, template: template.name, segments, counts: { total, prompt, response, limit, cut } };
}

/** A tokenizer that cannot be read is told of elsewhere. */
async function loaded(tokenizer: Promise<Tokenizer>): Promise<Tokenizer | null> {
  try {
    return await tokenizer;
  } catch {
    return null;
  }
}
