import type { DataSummary } from "../protocol/webview";
import { previewSegments } from "./encode";
import { type DatasetRequest, planDataset, type ReadOptions, readDocuments } from "./readDataset";
import type { Tokenizer } from "./tokenizer";

/** What preparation would make of a data set, without writing it. A data set of broken rows is a summary, not an error. */
export async function summarize(
  request: DatasetRequest,
  tokenizer: Tokenizer,
  options: ReadOptions = {},
): Promise<DataSummary & { template: string | null }> {
  const plan = await planDataset(request, tokenizer, options);
  const reading = readDocuments(plan, options);
  let tokens = 0;
  let trainRows = 0;
  let evalRows = 0;
  for await (const batch of reading.documents) {
    for (const document of batch) {
      tokens += document.tokens.length;
      if (document.heldOut) evalRows++;
      else trainRows++;
    }
  }
  const tally = reading.tallies[0]!;
  return {
    path: request.path,
    choice: { format: request.format, fields: { ...request.fields } },
    format: plan.sources[0]!.dialect?.format.id ?? null,
    template: plan.template?.id ?? null,
    rows: tally.rows,
    used: tally.used,
    skipped: tally.skipped,
    skippedByReason: tally.byReason,
    tokens,
    trainRows,
    evalRows,
    problems: tally.listed,
    preview: reading.first === null ? [] : previewSegments(reading.first, tokenizer.special),
  };
}
