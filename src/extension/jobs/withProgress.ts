import * as vscode from "vscode";
import { type JobOptions, runJob } from "./runJob";

/** Runs a job under a notification with its stage, its share and a way to cancel it. */
export function runJobWithProgress(title: string, options: Omit<JobOptions, "signal">): Thenable<unknown> {
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      const report = progressReporter(progress);
      return runJob({
        ...options,
        signal: abort.signal,
        onProgress: (stage, fraction, detail) => {
          report(stage, fraction, detail);
          options.onProgress?.(stage, fraction, detail);
        },
      });
    },
  );
}

/** A job tells shares of a stage, VS Code wants increments of the whole: each stage starts the bar anew. */
export function progressReporter(
  progress: vscode.Progress<{ message?: string; increment?: number }>,
): (stage: string, fraction: number | null, detail?: string) => void {
  let shown = 0;
  return (stage, fraction, detail) => {
    const now = fraction === null ? shown : Math.round(fraction * 100);
    const share = fraction === null ? stage : `${stage} ${now} %`;
    const message = detail === undefined ? share : `${share} · ${detail}`;
    progress.report({ message, increment: now - shown });
    shown = now;
  };
}
