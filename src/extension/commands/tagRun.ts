import * as vscode from "vscode";
import { changeRunNotes, tidyTags } from "../../run/runNotes";
import { pickRuns } from "../runs/pickRun";
import type { TrackedRun } from "../runs/runRegistry";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

/** One run's tags are edited; several runs get what is typed besides their own. */
export const tagRun: CommandFactory = (services) => async (argument, selection) => {
  if (!(await requireTrust())) return;
  const runs = await pickRuns(services, argument, selection, {
    pick: vscode.l10n.t("Choose runs to tag"),
    none: vscode.l10n.t("There is no run to tag."),
  });
  if (runs === undefined || runs.length === 0) return;
  const [only] = runs.length === 1 ? runs : [];
  const typed = await vscode.window.showInputBox({
    title: title(runs),
    prompt: vscode.l10n.t("Tags, separated by commas"),
    value: only?.notes.tags.join(", ") ?? "",
  });
  if (typed === undefined) return;
  for (const run of runs) {
    const tags = tidyTags(only === undefined ? [...run.notes.tags, typed] : typed);
    await changeRunNotes(run.directory, { tags });
    await services.runs.refresh(run);
  }
};

function title(runs: readonly TrackedRun[]): string {
  return runs.length === 1
    ? vscode.l10n.t("Tags of {0}", runs[0]!.name)
    : vscode.l10n.t("Add tags to {0} runs", runs.length);
}
