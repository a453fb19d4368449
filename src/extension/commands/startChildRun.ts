import * as vscode from "vscode";
import { progressReporter } from "../jobs/withProgress";
import { checkRun } from "../runs/checkRun";
import { describeStart, planChildRun, startChildRun as start } from "../runs/childRun";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const startChildRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.ended, {
    pick: vscode.l10n.t("Choose a run to start a child of"),
    none: vscode.l10n.t("There is no ended run to start a child of."),
  });
  if (run === undefined) return;
  const title = vscode.l10n.t("Starting a child of {0}", run.name);
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    async (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      const options = { signal: abort.signal, onProgress: progressReporter(progress) };
      const plan = await planChildRun(run, await checkRun(services, run, options));
      if (plan.start.leftBehind !== undefined && !(await confirm(run.name, describeStart(plan)))) return;
      services.panels.openRun(await start(services, run, plan, options));
    },
  );
};

/** Whoever asks for a child run expects it to go on from what was learned. */
async function confirm(name: string, detail: string): Promise<boolean> {
  const begin = vscode.l10n.t("Start Child Run");
  const question = vscode.l10n.t("Start a child of {0} that learns from the beginning?", name);
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, begin)) === begin;
}
