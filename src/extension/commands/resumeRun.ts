import * as vscode from "vscode";
import { progressReporter } from "../jobs/withProgress";
import { pickRun } from "../runs/pickRun";
import { resumeRun as resume } from "../runs/resumeRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const resumeRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.resumable, {
    pick: vscode.l10n.t("Choose a run to resume"),
    none: vscode.l10n.t("There is no stopped or failed run to resume."),
  });
  if (run === undefined) return;
  const title = vscode.l10n.t("Resuming {0}", run.name);
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return resume(services, run, { signal: abort.signal, onProgress: progressReporter(progress) });
    },
  );
};
