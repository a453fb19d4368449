import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import type { RunHead, RunState } from "../../protocol/webview";
import type { Services } from "../context";
import { count } from "../figures";
import { matchesSearch } from "../runs/matchRun";
import type { QueuePlace } from "../runs/runQueue";
import { isActive, type TrackedRun, type UnreadableRun } from "../runs/runRegistry";
import { shownHead } from "../runs/shownHead";
import { describePlace, describeRun } from "./runText";

const icons: Record<RunState, { icon: string; color?: string }> = {
  queued: { icon: "circle-outline" },
  preparing: { icon: "loading~spin" },
  running: { icon: "loading~spin" },
  paused: { icon: "debug-pause" },
  stopped: { icon: "stop-circle" },
  failed: { icon: "error", color: "list.errorForeground" },
  finished: { icon: "pass", color: "testing.iconPassed" },
};

/**
 * VS Code redraws a tree once no change has come for 200 ms: a run that takes a step every 100 ms would hold up every
 * change of the others, so changes are told together, further apart than that.
 */
const TELL_EVERY_MS = 500;
/** Progress alone is told less often: while VS Code redraws an item, its menu and its buttons lead nowhere. */
const TELL_PROGRESS_EVERY_MS = 2500;
/** A tooltip shows the beginning of the notes. */
const MAX_TOOLTIP_NOTES = 400;

export class RunItem extends vscode.TreeItem {
  readonly directory: string;

  constructor(
    run: TrackedRun,
    head: RunHead,
    place: QueuePlace | undefined,
    parent: TrackedRun | undefined,
    open: vscode.Command,
  ) {
    super(run.name);
    const doing = place === undefined ? describeRun(head) : describePlace(place);
    this.directory = run.directory;
    this.id = run.directory;
    this.description = [doing, ...tagTexts(run)].join(" · ");
    const { icon, color } = place === undefined ? icons[head.state] : { icon: "watch", color: undefined };
    this.iconPath = new vscode.ThemeIcon(icon, color === undefined ? undefined : new vscode.ThemeColor(color));
    this.tooltip = tooltip(run, doing, parent);
    this.accessibilityInformation = { label: `${run.name}, ${this.description}` };
    this.contextValue = contextValue(run, head.inUse, place !== undefined);
    this.command = open;
  }
}

/** A run whose run.json cannot be read: it says why, and can be shown in its folder or deleted. */
class UnreadableItem extends vscode.TreeItem {
  readonly directory: string;

  constructor({ directory, reason }: UnreadableRun) {
    super(basename(directory));
    this.directory = directory;
    this.id = directory;
    // The folder's name stands before it.
    this.description = reason.replace(`${directory}/`, "");
    this.tooltip = reason;
    this.iconPath = new vscode.ThemeIcon("warning", new vscode.ThemeColor("list.warningForeground"));
    this.accessibilityInformation = { label: `${basename(directory)}, ${reason}` };
    this.contextValue = "unreadable";
    const folder = vscode.Uri.file(directory);
    this.command = { command: "revealInExplorer", title: vscode.l10n.t("Reveal Run Folder"), arguments: [folder] };
  }
}

function contextValue(run: TrackedRun, inUse: boolean, waiting: boolean): string {
  const { state } = run.head();
  const marks = ["run", state];
  if (isActive(state)) marks.push("active");
  if (run.controllable) marks.push("controllable");
  if (run.ended) marks.push("ended");
  if (waiting) marks.push("waiting");
  if (run.resumable) marks.push("resumable");
  if (run.usable) marks.push("usable");
  if (inUse) marks.push("inUse");
  return marks.join(" ");
}

function tooltip(run: TrackedRun, doing: string, parent: TrackedRun | undefined): string {
  const head = run.head();
  const lines = [
    `${run.name}: ${doing}`,
    run.spec.dataset.path,
    vscode.l10n.t("Step {0} of {1}", count(head.step), count(head.totalSteps)),
  ];
  if (head.checkpointStep !== null) lines.push(vscode.l10n.t("Checkpoint at step {0}", count(head.checkpointStep)));
  if (run.spec.parent !== undefined) {
    const { run: id, step } = run.spec.parent;
    lines.push(vscode.l10n.t("Goes on from {0}, step {1}", parent?.name ?? id, count(step)));
  }
  const tags = tagTexts(run);
  if (tags.length > 0) lines.push(tags.join(" "));
  const { notes } = run.notes;
  if (notes !== "") lines.push("", notes.slice(0, MAX_TOOLTIP_NOTES) + (notes.length > MAX_TOOLTIP_NOTES ? "…" : ""));
  return lines.join("\n");
}

const tagTexts = (run: TrackedRun) => run.notes.tags.map((tag) => `#${tag}`);

/** Whether the run belongs in the list that is searched for. */
function isFound(run: TrackedRun, search: string): boolean {
  if (search === "") return true;
  const head = run.head();
  const { model, dataset, name } = run.spec;
  return matchesSearch(search, [
    run.name,
    name,
    ...tagTexts(run),
    run.notes.notes,
    model.path,
    dataset.path,
    head.state,
    describeRun(head),
  ]);
}

const isSame = (a: readonly UnreadableRun[], b: readonly UnreadableRun[]) => JSON.stringify(a) === JSON.stringify(b);

/** Running, not started, finished and failed runs, newest first. */
export class RunsTree implements vscode.TreeDataProvider<vscode.TreeItem>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.TreeItem[] | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];
  /** The words shown for each run: most updates of a run change none of them. */
  #shown = new Map<string, string>();
  #items = new Map<string, RunItem>();
  #unreadable: readonly UnreadableRun[] = [];
  /** What is to be drawn anew; undefined: the whole list. */
  #stale: Set<RunItem> | undefined = new Set();
  #telling: NodeJS.Timeout | undefined;
  #due = 0;
  #toldAt = 0;
  readonly #view: vscode.TreeView<vscode.TreeItem>;

  constructor(private readonly services: Services) {
    const { runs, completion, runSearch, queue, preparations } = services;
    this.#view = vscode.window.createTreeView("tunesmith.runs", { treeDataProvider: this, canSelectMany: true });
    this.#subscriptions = [
      this.#view,
      this.#view.onDidChangeSelection(({ selection }) => {
        runs.selected = selection.filter((item) => item instanceof RunItem || item instanceof UnreadableItem);
      }),
      queue.onDidChange(() => this.#updateAll()),
      runSearch.onDidChange(() => this.#redraw(undefined)),
      runs.onDidChange(() => this.#updateAll()),
      completion.onDidChange(() => this.#updateAll()),
      runs.onDidUpdate(({ run }) => this.#updated(run)),
      preparations.onDidChange((directory) => {
        const run = runs.at(directory);
        if (run !== undefined) this.#updated(run);
      }),
    ];
  }

  getTreeItem(item: vscode.TreeItem): vscode.TreeItem {
    return item;
  }

  async getChildren(parent?: vscode.TreeItem): Promise<vscode.TreeItem[]> {
    if (parent !== undefined || !vscode.workspace.isTrusted) return [];
    const { runs: registry } = this.services;
    // The others are drawn as they come; an empty list would say that there are none.
    await registry.first(() => registry.runs[0]);
    const { runs } = registry;
    const search = this.services.runSearch.text;
    const found = runs.filter((run) => isFound(run, search));
    this.#view.message =
      search === "" ? undefined : vscode.l10n.t("{0} of {1} runs match “{2}”", found.length, runs.length, search);
    const items = found.map((run) => this.#item(run));
    this.#items = new Map(items.map((item) => [item.directory, item]));
    this.#unreadable = search === "" ? this.services.runs.unreadable : [];
    return [...items, ...this.#unreadable.map((run) => new UnreadableItem(run))];
  }

  #item(run: TrackedRun): RunItem {
    const { openRunCommands, queue, runs } = this.services;
    const { parent } = run.spec;
    const item = new RunItem(
      run,
      shownHead(this.services, run),
      queue.placeOf(run),
      parent === undefined ? undefined : runs.at(join(dirname(run.directory), parent.run)),
      openRunCommands.of(run),
    );
    this.#shown.set(run.directory, JSON.stringify([item.label, item.description, item.tooltip, item.contextValue]));
    return item;
  }

  /**
   * Draws anew what says something else, and the whole list only where other runs are in it: while VS Code asks for that
   * it has no items, and a menu that is open then leads nowhere.
   */
  #updateAll(): void {
    const { runs, runSearch } = this.services;
    const all = runs.runs;
    const known = [...this.#items.keys()];
    const same = all.length === known.length && all.every(({ directory }, index) => directory === known[index]);
    if (runSearch.text !== "" || !same || !isSame(runs.unreadable, this.#unreadable)) this.#redraw(undefined);
    else for (const run of all) this.#updated(run);
  }

  #updated(run: TrackedRun): void {
    const known = this.#items.get(run.directory);
    if ((known !== undefined) !== isFound(run, this.services.runSearch.text)) {
      this.#redraw(undefined);
      return;
    }
    if (known === undefined) return;
    const before = this.#shown.get(run.directory);
    const now = this.#item(run);
    if (before === this.#shown.get(run.directory)) return;
    const progress = known.contextValue === now.contextValue;
    // The tree keeps the object that it was given: its fields are replaced.
    Object.assign(known, now);
    this.#redraw(known, progress ? TELL_PROGRESS_EVERY_MS : TELL_EVERY_MS);
  }

  /** Tells a change once so much time has passed since the last one, with all that has changed until then. */
  #redraw(item: RunItem | undefined, apartMs = TELL_EVERY_MS): void {
    if (item === undefined) this.#stale = undefined;
    else this.#stale?.add(item);
    const now = performance.now();
    const due = Math.max(now, this.#toldAt + apartMs);
    if (this.#telling !== undefined && this.#due <= due) return;
    clearTimeout(this.#telling);
    this.#due = due;
    this.#telling = setTimeout(() => this.#tell(), due - now);
  }

  #tell(): void {
    const stale = this.#stale;
    this.#telling = undefined;
    this.#toldAt = performance.now();
    this.#stale = new Set();
    this.#changed.fire(stale === undefined ? undefined : [...stale]);
  }

  dispose(): void {
    clearTimeout(this.#telling);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}
