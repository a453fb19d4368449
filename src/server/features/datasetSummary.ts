/** Format, rows, tokens and problems of an open data set: on request once all stages are done, and as they come. */

import type { DatasetChanged, DatasetSummary, DatasetSummaryParams } from "../../protocol/server";
import type { DatasetAnalysis, DatasetState } from "../datasetAnalysis";
import type { Feature, ServerContext } from "../feature";
import { collectFindings } from "../findings";

export const datasetSummary: Feature = {
  register(context) {
    const { connection, analyses } = context;
    connection.onRequest(
      "tunesmith/datasetSummary",
      async ({ uri }: DatasetSummaryParams): Promise<DatasetSummary | null> => {
        const state = await analyses.settled(uri);
        const analysis = analyses.analysis(uri);
        return state && analysis ? summarise(context, analysis, state) : null;
      },
    );
    analyses.onDidProgress(({ analysis, state, complete }) => {
      if (!complete) return;
      const changed: DatasetChanged = { uri: analysis.document.uri, summary: summarise(context, analysis, state) };
      void connection.sendNotification("tunesmith/datasetChanged", changed);
    });
  },
};

export function summarise(context: ServerContext, analysis: DatasetAnalysis, state: DatasetState): DatasetSummary {
  const check = context.lengthCheck();
  const { totals } = collectFindings(analysis, state, check, context.severities(), 0);
  return {
    format: state.dialect?.format.id ?? null,
    rows: state.rows,
    problems: totals,
    tokens: check?.total(analysis) ?? null,
  };
}
