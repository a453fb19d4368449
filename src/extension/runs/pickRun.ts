import * as vscode from "vscode";
import type { Services } from "../context";
import { describeRun } from "../views/runText";
import type { TrackedRun } from "./runRegistry";

/** What key bindings of the tree pass, since VS Code gives them no item: the runs that are selected there. */
const SELECTED = "selected";

/**
 * The run that a command is about: the tree item or directory that it was called with, else the only one that fits, else the
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
  return (
    await vscode.window.showQuickPick(candidates.map(runChoice), { placeHolder: words.pick, matchOnDescription: true })
  )?.run;
}

/**
 * The runs that a command is about: those that are selected in the tree, else the ones that are picked, of those that
 * fit. Undefined where the choice was given up; says so where there is none.
 */
export async function pickRuns(
  services: Services,
  argument: unknown,
  selection: unknown,
  words: { pick: string; none: string },
  fits: (run: TrackedRun) => boolean = () => true,
): Promise<TrackedRun[] | undefined> {
  await services.runs.load();
  const selected = selectionOf(services, argument, selection);
  const named = new Set(selected.map((item: unknown) => namedRun(services, item)));
  const inOrder = services.runs.runs.filter((run) => named.has(run));
  if (inOrder.length > 0) return inOrder;
  const candidates = services.runs.runs.filter(fits);
  if (candidates.length === 0) {
    void vscode.window.showInformationMessage(words.none);
    return undefined;
  }
  const picked = await vscode.window.showQuickPick(candidates.map(runChoice), {
    placeHolder: words.pick,
    matchOnDescription: true,
    canPickMany: true,
  });
  return picked?.map(({ run }) => run);
}

function selectionOf(services: Services, argument: unknown, selection: unknown): readonly unknown[] {
  if (argument === SELECTED) return services.runs.selected.map(({ directory }) => directory);
  if (Array.isArray(selection)) return selection;
  return argument === undefined ? [] : [argument];
}

function runChoice(run: TrackedRun): vscode.QuickPickItem & { run: TrackedRun } {
  const tags = run.notes.tags.map((tag) => `#${tag}`).join(" ");
  return { label: run.name, description: [describeRun(run.head()), tags].filter(Boolean).join(" · "), run };
}

function namedRun(services: Services, argument: unknown): TrackedRun | undefined {
  if (argument === SELECTED) return services.runs.selected[0];
  if (typeof argument === "string") return services.runs.find(argument);
  const directory = (argument as { directory?: unknown } | undefined)?.directory;
  return typeof directory === "string" ? services.runs.at(directory) : undefined;
}
