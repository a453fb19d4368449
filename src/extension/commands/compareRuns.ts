import * as vscode from "vscode";
import type { Services } from "../context";
import { MAX_COMPARED } from "../panels/compareMessages";
import { tooMany } from "../panels/comparePanel";
import { askForRuns, namedBy, thereOrSaid } from "../runs/pickRun";
import type { TrackedRun } from "../runs/runRegistry";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

/** Several runs are compared at once; one is asked what it is to be compared with. */
export const compareRuns: CommandFactory = (services) => async (argument, selection) => {
  if (!(await requireTrust())) return;
  const runs = await chooseRuns(services, argument, selection);
  if (runs === undefined) return;
  if (runs.length < 2) {
    void vscode.window.showInformationMessage(vscode.l10n.t("Choose at least two runs to compare."));
    return;
  }
  if (runs.length > MAX_COMPARED) void vscode.window.showInformationMessage(tooMany());
  services.comparisons.open(runs.slice(0, MAX_COMPARED));
};

async function chooseRuns(
  services: Services,
  argument: unknown,
  selection: unknown,
): Promise<readonly TrackedRun[] | undefined> {
  await services.runs.load();
  const all = services.runs.runs;
  const named = namedBy(services, argument, selection);
  if (named === undefined) {
    return askForRuns(all, {
      pick: vscode.l10n.t("Choose two or more runs to compare"),
      none: vscode.l10n.t("There are no runs yet. Right-click a .jsonl data set and choose Fine-tune on This Dataset."),
    });
  }
  const [first, ...more] = thereOrSaid(named);
  if (first === undefined) return undefined;
  return more.length > 0 ? [first, ...more] : compareWith(first, all);
}

/** The given run stands first and is ticked. */
function compareWith(run: TrackedRun, all: readonly TrackedRun[]): Promise<TrackedRun[] | undefined> {
  const others = all.filter((other) => other !== run);
  const words = {
    pick: vscode.l10n.t("Compare {0} with…", run.name),
    none: vscode.l10n.t("There is no other run to compare with."),
  };
  return askForRuns(others.length === 0 ? [] : [run, ...others], words, run);
}
