/** `tunesmith/datasetSummary`: format, rows and problems of an open data set, once its latest version is analysed. */

import type { DatasetSummary, DatasetSummaryParams } from "../../protocol/server";
import type { Feature } from "../feature";
import { countProblems } from "../findings";

export const datasetSummary: Feature = {
  register({ connection, analyses, lengthCheck }) {
    connection.onRequest(
      "tunesmith/datasetSummary",
      async ({ uri }: DatasetSummaryParams): Promise<DatasetSummary | null> => {
        const state = await analyses.settled(uri);
        const analysis = analyses.analysis(uri);
        if (!state || !analysis) return null;
        const problems = countProblems(analysis, lengthCheck());
        return { format: state.format?.id ?? null, rows: state.rows, problems };
      },
    );
  },
};
