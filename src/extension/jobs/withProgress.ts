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
        onProgress: (stage, fraction) => {
          report(stage, fraction);
          options.onProgress?.(stage, fraction);
        },
      });
    },
  );
}

/** A job tells shares of a stage, VS Code wants increments of the whole: each stage starts the bar anew. */
export function progressReporter(
  progress: vscode.Progress<{ message?: string; increment?: number }>,
): (stage: string, fraction: number | null) => void {
  let shown = 0;
  return (stage, fraction) => {
    const now = fraction === null ? shown : Math.round(fraction * 100);
    progress.report({ message: fraction === null ? stage : `${stage} ${now} %`, increment: now - shown });
    shown = now;
  };
}
