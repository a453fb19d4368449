import * as vscode from "vscode";
import { progressReporter } from "../jobs/withProgress";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const useForCompletion: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.usable, {
    pick: vscode.l10n.t("Choose a tuned model to complete Python with"),
    none: vscode.l10n.t("There is no tuned model yet: a run must have finished or been stopped."),
  });
  if (run === undefined) return;
  const choice = { directory: run.directory, name: run.name };
  await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t("Getting {0} ready for completion", choice.name),
      cancellable: true,
    },
    (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return services.completion.use(choice, { signal: abort.signal, onProgress: progressReporter(progress) });
    },
  );
};
