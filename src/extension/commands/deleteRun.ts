import { basename } from "node:path";
import * as vscode from "vscode";
import type { Services } from "../context";
import { type Named, namedBy, runChoice, thereOrSaid } from "../runs/pickRun";
import type { TrackedRun } from "../runs/runRegistry";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

/** The dialog has room for a few names. */
const SHOWN_NAMES = 10;

/** A run, or a folder among the runs whose run.json cannot be read. */
interface Chosen {
  directory: string;
  name: string;
  run?: TrackedRun;
}

export const deleteRun: CommandFactory = (services) => async (argument, selection) => {
  if (!(await requireTrust())) return;
  await services.runs.load();
  const named = namedBy(services, argument, selection);
  const chosen = named === undefined ? await ask(services) : allOf(named);
  if (named !== undefined && chosen?.length === 0) thereOrSaid(named);
  if (chosen === undefined || chosen.length === 0) return;
  const doomed = chosen.filter(({ run }) => run?.active !== true);
  if (doomed.length === 0) {
    void vscode.window.showInformationMessage(goesOn());
    return;
  }
  if (!(await confirm(doomed, chosen.length - doomed.length))) return;
  for (const one of doomed) await remove(services, one);
};

const goesOn = () => vscode.l10n.t("A run that is going on is not deleted; stop it first.");

function allOf({ runs, unreadable }: Named): Chosen[] {
  return [
    ...runs.map((run) => ({ directory: run.directory, name: run.name, run })),
    ...unreadable.map(({ directory }) => ({ directory, name: basename(directory) })),
  ];
}

async function ask({ runs }: Services): Promise<Chosen[] | undefined> {
  const resting = runs.runs.filter((run) => !run.active);
  const choices = [
    ...resting.map((run) => ({ ...runChoice(run), chosen: { directory: run.directory, name: run.name, run } })),
    ...runs.unreadable.map(({ directory, reason }) => {
      const name = basename(directory);
      return { label: name, description: reason, chosen: { directory, name } };
    }),
  ];
  if (choices.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There is no run to delete."));
    return undefined;
  }
  const picked = await vscode.window.showQuickPick(choices, {
    placeHolder: vscode.l10n.t("Choose the runs to delete"),
    matchOnDescription: true,
    canPickMany: true,
  });
  return picked?.map(({ chosen }) => chosen);
}

async function confirm(doomed: readonly Chosen[], goingOn: number): Promise<boolean> {
  const [first] = doomed;
  const question =
    doomed.length === 1
      ? vscode.l10n.t("Delete the run {0}?", first!.name)
      : vscode.l10n.t("Delete {0} runs?", doomed.length);
  const detail =
    doomed.length === 1
      ? [vscode.l10n.t("Its checkpoints and its tuned model are deleted too: {0}", first!.directory)]
      : [...names(doomed), "", vscode.l10n.t("Their checkpoints and tuned models are deleted too.")];
  if (goingOn > 0) detail.push(vscode.l10n.t("Runs that are going on stay: {0}", goingOn));
  const button = vscode.l10n.t("Delete");
  const answer = await vscode.window.showWarningMessage(question, { modal: true, detail: detail.join("\n") }, button);
  return answer === button;
}

function names(doomed: readonly Chosen[]): string[] {
  const shown = doomed.slice(0, SHOWN_NAMES).map(({ name }) => name);
  return doomed.length > SHOWN_NAMES ? [...shown, vscode.l10n.t("and {0} more", doomed.length - SHOWN_NAMES)] : shown;
}

async function remove(services: Services, { directory, run }: Chosen): Promise<void> {
  if (run !== undefined) {
    // Its turn may have come while the question stood.
    await services.runs.refresh(run);
    if (run.active) {
      void vscode.window.showInformationMessage(goesOn());
      return;
    }
  }
  if (services.completion.isInUse(directory)) await services.completion.stop();
  if (run !== undefined) {
    if (services.queue.placeOf(run) !== undefined) await services.queue.take(run);
    services.panels.closeRun(run);
  }
  await services.runs.delete(directory);
  services.log.info(`${basename(directory)}: deleted`);
}
