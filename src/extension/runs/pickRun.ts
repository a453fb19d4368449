import * as vscode from "vscode";
import type { Services } from "../context";
import { describeRun } from "../views/runText";
import type { TrackedRun } from "./runRegistry";

/**
 * The run that a command is about: the tree item or id that it was called with, else the only one that fits, else the
 * one that is picked. Says so where none fits.
 */
export async function pickRun(
  services: Services,
  argument: unknown,
  fits: (run: TrackedRun) => boolean,
  words: { pick: string; none: string },
): Promise<TrackedRun | undefined> {
  await services.runs.load();
  const named = namedRun(services, argument);
  if (named !== undefined) return named;
  const candidates = services.runs.runs.filter(fits);
  if (candidates.length === 0) {
    void vscode.window.showInformationMessage(words.none);
    return undefined;
  }
  if (candidates.length === 1) return candidates[0];
  const items = candidates.map((run) => ({ label: run.spec.name, description: describeRun(run.head()), run }));
  return (await vscode.window.showQuickPick(items, { placeHolder: words.pick, matchOnDescription: true }))?.run;
}

function namedRun(services: Services, argument: unknown): TrackedRun | undefined {
  if (typeof argument === "string") return services.runs.find(argument);
  const id = (argument as { runId?: unknown } | undefined)?.runId;
  return typeof id === "string" ? services.runs.find(id) : undefined;
}
