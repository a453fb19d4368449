/** One line above the first row: what the data set is, and what can be done with it. */

import type { CodeLens, Command, Disposable } from "vscode-languageserver";
import type { DatasetSummary } from "../../protocol/server";
import type { Feature, ServerContext } from "../feature";
import type { JsonlDocument } from "../jsonlDocument";
import { summarise } from "./datasetSummary";

/** The lens is asked for anew at most so often while an analysis goes on. */
const REFRESH_EVERY_MS = 500;

export const codeLens: Feature = {
  capabilities: { codeLensProvider: { resolveProvider: false } },
  register(context) {
    const { connection } = context;
    connection.onCodeLens(({ textDocument }): CodeLens[] => {
      const document = context.documents.get(textDocument.uri);
      return document ? lensesOf(context, document) : [];
    });
    refreshWithProgress(context);
  },
};

function lensesOf(context: ServerContext, document: JsonlDocument): CodeLens[] {
  const { uri } = document;
  const analysis = context.analyses.analysis(uri);
  const state = context.analyses.state(uri);
  if (!analysis || !state?.dialect) return [];
  const line = Math.max(
    0,
    document.lines.findIndex(({ record }) => record !== undefined && record.kind !== "blank"),
  );
  const range = document.rangeInLine(line, 0, 0);
  const summary = summarise(context, analysis, state);
  const commands: Command[] = [
    { title: lensText(summary), command: "workbench.actions.view.problems" },
    { title: "Preview", command: "tunesmith.previewRow", arguments: [uri] },
    { title: "Edit row", command: "tunesmith.editRow", arguments: [uri] },
  ];
  // What reads the file from the disk needs one.
  if (uri.startsWith("file:")) {
    if (!state.dialect.format.untrainable) {
      commands.push({ title: "Fine-tune", command: "tunesmith.fineTune", arguments: [uri, summary] });
    }
    commands.push(
      { title: "Validate", command: "tunesmith.validateDataset", arguments: [uri] },
      { title: "Dataset view", command: "tunesmith.openDatasetView", arguments: [uri] },
    );
  }
  const order = ["workbench.actions.view.problems", "tunesmith.fineTune", "tunesmith.validateDataset"];
  const rank = ({ command }: Command) => (order.includes(command) ? order.indexOf(command) : order.length);
  return commands.sort((a, b) => rank(a) - rank(b)).map((command) => ({ range, command }));
}

/** `alpaca · 18,612 rows · 2.2 M tokens · 14 problems` */
export function lensText({ format, rows, tokens, problems }: DatasetSummary): string {
  const count = problems.error + problems.warning;
  const parts = [format ?? "no data set", counted(rows, "row")];
  if (tokens !== null) parts.push(`${rounded(tokens)} token${tokens === 1 ? "" : "s"}`);
  parts.push(count === 0 ? "no problems" : counted(count, "problem"));
  return parts.join(" · ");
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

/** Three figures, in thousands or millions. */
function rounded(count: number): string {
  if (count < 10_000) return count.toLocaleString("en");
  const [divisor, unit] = count < 1e6 ? [1e3, "k"] : count < 1e9 ? [1e6, "M"] : [1e9, "G"];
  return `${(count / divisor).toLocaleString("en", { maximumSignificantDigits: 3 })} ${unit}`;
}

function refreshWithProgress({ connection, analyses }: ServerContext): Disposable {
  let timer: NodeJS.Timeout | undefined;
  let last = 0;
  return analyses.onDidProgress(() => {
    if (timer !== undefined) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        last = performance.now();
        // A client that cannot refresh says so; its lenses are then as old as its last request.
        connection.sendRequest("workspace/codeLens/refresh").catch(() => {});
      },
      Math.max(0, last + REFRESH_EVERY_MS - performance.now()),
    );
    // It must not keep a server alive whose client has gone.
    timer.unref();
  });
}
