import * as vscode from "vscode";
import type { Services } from "../context";
import { pickRuns } from "../runs/pickRun";
import type { TrackedRun } from "../runs/runRegistry";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

/** The dialog has room for a few names. */
const SHOWN_NAMES = 10;

export const deleteRun: CommandFactory = (services) => async (argument, selection) => {
  if (!(await requireTrust())) return;
  const words = {
    pick: vscode.l10n.t("Choose the runs to delete"),
    none: vscode.l10n.t("There is no run to delete."),
  };
  const chosen = await pickRuns(services, argument, selection, words, (candidate) => !candidate.active);
  if (chosen === undefined || chosen.length === 0) return;
  const runs = chosen.filter((run) => !run.active);
  if (runs.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t("A run that is going on is not deleted; stop it first."));
    return;
  }
  if (!(await confirm(runs, chosen.length - runs.length))) return;
  for (const run of runs) await remove(services, run);
};

async function confirm(runs: readonly TrackedRun[], goingOn: number): Promise<boolean> {
  const [first] = runs;
  const question =
    runs.length === 1
      ? vscode.l10n.t("Delete the run {0}?", first!.name)
      : vscode.l10n.t("Delete {0} runs?", runs.length);
  const detail =
    runs.length === 1
      ? [vscode.l10n.t("Its checkpoints and its tuned model are deleted too: {0}", first!.directory)]
      : [...names(runs), "", vscode.l10n.t("Their checkpoints and tuned models are deleted too.")];
  if (goingOn > 0) detail.push(vscode.l10n.t("Runs that are going on stay: {0}", goingOn));
  const button = vscode.l10n.t("Delete");
  const answer = await vscode.window.showWarningMessage(question, { modal: true, detail: detail.join("\n") }, button);
  return answer === button;
}

function names(runs: readonly TrackedRun[]): string[] {
  const shown = runs.slice(0, SHOWN_NAMES).map(({ name }) => name);
  return runs.length > SHOWN_NAMES ? [...shown, vscode.l10n.t("and {0} more", runs.length - SHOWN_NAMES)] : shown;
}

async function remove(services: Services, run: TrackedRun): Promise<void> {
  if (services.completion.isInUse(run.directory)) await services.completion.stop();
  if (services.queue.placeOf(run) !== undefined) await services.queue.take(run);
  services.panels.closeRun(run);
  await services.runs.delete(run);
  services.log.info(`${run.id}: deleted`);
}
