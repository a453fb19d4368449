import type { DataSummary, DatasetShare } from "../protocol/webview";
import { withCompletionSamples } from "./completionMix/withCompletionSamples";
import { previewSegments } from "./encode";
import { makerOf, type Packable } from "./pack";
import type { SourceTally } from "./readDataset";
import {
  COMPLETION_SOURCE,
  type DatasetPlan,
  type DatasetRequest,
  planDataset,
  type ReadOptions,
  readDocuments,
} from "./readDataset";
import type { Tokenizer } from "./tokenizer";

/** Skipped rows that are listed, of all data sets together. */
const LISTED = 1000;

export interface SummaryOptions extends ReadOptions {
  /** Where an answer to a pinned prompt ends at the latest; absent: nowhere. */
  answerTokens?: number;
}

/** What preparation would make of a data set, without writing it. A data set of broken rows is a summary, not an error. */
export async function summarize(
  request: DatasetRequest,
  tokenizer: Tokenizer,
  options: SummaryOptions = {},
): Promise<DataSummary & { template: string | null }> {
  const plan = await planDataset(request, tokenizer, options);
  const reading = withCompletionSamples(plan, readDocuments(plan, options), options);
  const mixed = { tokens: 0, targets: 0, squares: 0 };
  const { sequenceLength, packing = true } = request;
  const maker = makerOf<Packable>(sequenceLength, packing);
  let sequences = 0;
  let longest = 0;
  let answers = 0;
  // The tallies count what passes by.
  for await (const batch of reading.documents) {
    options.signal?.throwIfAborted();
    for (const { source, heldOut, tokens, targets } of batch) {
      longest = Math.max(longest, tokens.length);
      // Its length is all that packing looks at, and all that open sequences hold on to.
      if (!heldOut) sequences += maker.add({ tokens: { length: tokens.length } }).length;
      if (source !== COMPLETION_SOURCE) {
        if (!heldOut) answers += Math.min(targets, options.answerTokens ?? targets);
        continue;
      }
      mixed.tokens += tokens.length;
      mixed.targets += targets;
      mixed.squares += tokens.length ** 2;
    }
  }
  sequences += maker.finish().length;
  const { tallies } = reading;
  const sum = (part: (tally: SourceTally) => number) => tallies.reduce((total, tally) => total + part(tally), 0);
  const trainTokens = sum(({ train }) => train.tokens) + mixed.tokens;
  const evalTokens = sum((tally) => tally.eval.tokens);
  const trainRows = sum(({ train }) => train.rows);
  const aRow = (tokens: number) => (trainRows === 0 ? 0 : tokens / trainRows);
  return {
    path: request.path,
    choice: { format: request.format, fields: { ...request.fields } },
    format: plan.sources[0]!.dialect?.format.id ?? null,
    template: plan.template?.id ?? null,
    rows: sum(({ rows }) => rows),
    used: sum(({ used }) => used),
    skipped: sum(({ skipped }) => skipped),
    skippedByReason: skippedByReason(tallies),
    tokens: trainTokens + evalTokens,
    trainRows,
    trainTokens,
    trainTargets: sum(({ train }) => train.targets) + mixed.targets,
    documentTokens:
      trainTokens === 0 ? 0 : Math.round((sum(({ train }) => train.squares) + mixed.squares) / trainTokens),
    rowTokens: { prompt: aRow(sum(({ train }) => train.tokens - train.targets)), answer: aRow(answers) },
    packed: { sequenceLength, packing, train: sequences, longest },
    evalRows: sum((tally) => tally.eval.rows),
    evalTokens,
    completionSamples: reading.samples === null ? 0 : reading.samples.fim + reading.samples.prefix,
    completionTokens: mixed.tokens,
    datasets: tallies.map((tally, index) => shareOf(plan, tally, index)),
    problems: tallies.flatMap(({ listed }, dataset) => listed.map((row) => ({ dataset, ...row }))).slice(0, LISTED),
    preview: reading.first === null ? [] : previewSegments(reading.first, tokenizer.special),
  };
}

function shareOf({ request, sources }: DatasetPlan, tally: SourceTally, index: number): DatasetShare {
  const { path, dialect, weight } = sources[index]!;
  const { format, fields } = request.mixture?.[index - 1] ?? request;
  return {
    path,
    choice: { format, fields: { ...fields } },
    format: dialect?.format.id ?? null,
    weight,
    rows: tally.rows,
    used: tally.used,
    skipped: tally.skipped,
    trainRows: tally.train.rows,
    evalRows: tally.eval.rows,
    tokens: tally.train.tokens + tally.eval.tokens,
  };
}

function skippedByReason(tallies: readonly SourceTally[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const { byReason } of tallies) {
    for (const [reason, count] of Object.entries(byReason)) total[reason] = (total[reason] ?? 0) + count;
  }
  return total;
}
