import * as vscode from "vscode";
import type { Services } from "../context";
import { describeRun } from "../views/runText";
import type { TrackedRun, UnreadableRun } from "./runRegistry";

/** What key bindings of the tree pass, since VS Code gives them no item: what is selected there. */
const SELECTED = "selected";

/** What a menu, a key or a link is about, as far as it is there; `unreadable` can be shown and deleted, nothing else. */
export interface Named {
  runs: TrackedRun[];
  unreadable: UnreadableRun[];
}

export interface PickWords {
  pick: string;
  none: string;
}

/**
 * The run that a command is about: the tree item or directory that it was called with, else the only one that fits, else
 * the one that is picked. Says so where none fits, and where the one that it was called with is not there.
 */
export async function pickRun(
  services: Services,
  argument: unknown,
  fits: (run: TrackedRun) => boolean,
  words: PickWords,
): Promise<TrackedRun | undefined> {
  await services.runs.load();
  const named = namedBy(services, argument);
  if (named !== undefined) return thereOrSaid(named)[0];
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
 * The runs that a command is about: those that it was called with or that are selected in the tree, else the ones that
 * are picked, of those that fit. Undefined where the choice was given up; says so where there is none.
 */
export async function pickRuns(
  services: Services,
  argument: unknown,
  selection: unknown,
  words: PickWords,
  fits: (run: TrackedRun) => boolean = () => true,
): Promise<TrackedRun[] | undefined> {
  await services.runs.load();
  const named = namedBy(services, argument, selection);
  return named === undefined ? askForRuns(services.runs.runs.filter(fits), words) : thereOrSaid(named);
}

/** Asks which of the candidates are meant. Undefined where the choice was given up; says so where there is none. */
export async function askForRuns(
  candidates: readonly TrackedRun[],
  words: PickWords,
  ticked?: TrackedRun,
): Promise<TrackedRun[] | undefined> {
  if (candidates.length === 0) {
    void vscode.window.showInformationMessage(words.none);
    return undefined;
  }
  const choices = candidates.map((run) => ({ ...runChoice(run), picked: run === ticked }));
  const picked = await vscode.window.showQuickPick(choices, {
    placeHolder: words.pick,
    matchOnDescription: true,
    canPickMany: true,
  });
  return picked?.map(({ run }) => run);
}

/**
 * What a command was called with, in the tree's order. Undefined where it was called with nothing, and may ask; what is
 * named and no longer there must never be taken for that, or the command would act on another run.
 */
export function namedBy({ runs }: Services, argument: unknown, selection?: unknown): Named | undefined {
  const directories = itemsOf(runs.selected, argument, selection).flatMap((item) => directoryOf(item, runs) ?? []);
  if (directories.length === 0) return undefined;
  const named = new Set(directories);
  const isNamed = ({ directory }: { directory: string }) => named.has(directory);
  return { runs: runs.runs.filter(isNamed), unreadable: runs.unreadable.filter(isNamed) };
}

/** The runs that are named; where there is none it says why. */
export function thereOrSaid({ runs, unreadable }: Named): TrackedRun[] {
  if (runs.length === 0) {
    void vscode.window.showInformationMessage(
      unreadable[0]?.reason ??
        vscode.l10n.t("This run is no longer there: it was deleted or moved, or its folder was closed."),
    );
  }
  return runs;
}

export function runChoice(run: TrackedRun): vscode.QuickPickItem & { run: TrackedRun } {
  const tags = run.notes.tags.map((tag) => `#${tag}`).join(" ");
  return { label: run.name, description: [describeRun(run.head()), tags].filter(Boolean).join(" · "), run };
}

function itemsOf(selected: readonly unknown[], argument: unknown, selection: unknown): readonly unknown[] {
  if (argument === SELECTED) return selected;
  return Array.isArray(selection) && selection.length > 0 ? selection : [argument];
}

/** Of an id, or of an item of a tree; what is neither names no run. An id that is not there is no directory of a run's. */
function directoryOf(item: unknown, runs: Services["runs"]): string | undefined {
  if (typeof item === "string") return runs.find(item)?.directory ?? item;
  const directory = (item as { directory?: unknown } | null | undefined)?.directory;
  return typeof directory === "string" ? directory : undefined;
}
