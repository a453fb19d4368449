import * as vscode from "vscode";
import type { RunState } from "../../protocol/webview";
import type { Services } from "../context";
import { count } from "../figures";
import { matchesSearch } from "../runs/matchRun";
import { isActive, type TrackedRun } from "../runs/runRegistry";
import { describeRun } from "./runText";

const icons: Record<RunState, { icon: string; color?: string }> = {
  queued: { icon: "circle-outline" },
  preparing: { icon: "loading~spin" },
  running: { icon: "loading~spin" },
  paused: { icon: "debug-pause" },
  stopped: { icon: "stop-circle" },
  failed: { icon: "error", color: "list.errorForeground" },
  finished: { icon: "pass", color: "testing.iconPassed" },
};

/** A tooltip shows the beginning of the notes. */
const MAX_TOOLTIP_NOTES = 400;

export class RunItem extends vscode.TreeItem {
  readonly runId: string;

  constructor(run: TrackedRun, inUse: boolean) {
    super(run.name);
    const head = run.head();
    this.runId = run.id;
    this.id = run.directory;
    this.description = [describeRun(head), ...tagTexts(run)].join(" · ");
    const { icon, color } = icons[head.state];
    this.iconPath = new vscode.ThemeIcon(icon, color === undefined ? undefined : new vscode.ThemeColor(color));
    this.tooltip = tooltip(run);
    this.accessibilityInformation = { label: `${run.name}, ${this.description}` };
    this.contextValue = contextValue(run, inUse);
    this.command = { command: "tunesmith.openRun", title: vscode.l10n.t("Open Run Panel"), arguments: [run.id] };
  }
}

function contextValue(run: TrackedRun, inUse: boolean): string {
  const marks = ["run"];
  if (isActive(run.head().state)) marks.push("active");
  if (run.resumable) marks.push("resumable");
  if (run.usable) marks.push("usable");
  if (inUse) marks.push("inUse");
  return marks.join(" ");
}

function tooltip(run: TrackedRun): string {
  const head = run.head();
  const lines = [
    `${run.name}: ${describeRun(head)}`,
    run.spec.dataset.path,
    vscode.l10n.t("Step {0} of {1}", count(head.step), count(head.totalSteps)),
  ];
  if (head.checkpointStep !== null) lines.push(vscode.l10n.t("Checkpoint at step {0}", count(head.checkpointStep)));
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
    model.path,
    dataset.path,
    head.state,
    describeRun(head),
  ]);
}

/** Running, not started, finished and failed runs, newest first. */
export class RunsTree implements vscode.TreeDataProvider<RunItem>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<RunItem | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];
  /** The words shown for each run: most updates of a run change none of them. */
  #shown = new Map<string, string>();
  #items = new Map<string, RunItem>();
  readonly #view: vscode.TreeView<RunItem>;

  constructor(private readonly services: Services) {
    const { runs, completion, runSearch } = services;
    this.#view = vscode.window.createTreeView("tunesmith.runs", { treeDataProvider: this, canSelectMany: true });
    this.#subscriptions = [
      this.#view,
      runSearch.onDidChange(() => this.#changed.fire(undefined)),
      runs.onDidChange(() => this.#changed.fire(undefined)),
      completion.onDidChange(() => this.#changed.fire(undefined)),
      runs.onDidUpdate(({ run }) => this.#updated(run)),
    ];
  }

  getTreeItem(item: RunItem): vscode.TreeItem {
    return item;
  }

  async getChildren(parent?: RunItem): Promise<RunItem[]> {
    if (parent !== undefined || !vscode.workspace.isTrusted) return [];
    await this.services.runs.load();
    const { runs } = this.services.runs;
    const search = this.services.runSearch.text;
    const found = runs.filter((run) => isFound(run, search));
    this.#view.message =
      search === "" ? undefined : vscode.l10n.t("{0} of {1} runs match “{2}”", found.length, runs.length, search);
    const items = found.map((run) => this.#item(run));
    this.#items = new Map(items.map((item) => [item.runId, item]));
    return items;
  }

  #item(run: TrackedRun): RunItem {
    const item = new RunItem(run, this.services.completion.isInUse(run.directory));
    this.#shown.set(run.id, JSON.stringify([item.label, item.description, item.tooltip, item.contextValue]));
    return item;
  }

  #updated(run: TrackedRun): void {
    const known = this.#items.get(run.id);
    if ((known !== undefined) !== isFound(run, this.services.runSearch.text)) {
      this.#changed.fire(undefined);
      return;
    }
    if (known === undefined) return;
    const before = this.#shown.get(run.id);
    const now = this.#item(run);
    if (before === this.#shown.get(run.id)) return;
    // The tree keeps the object that it was given: its fields are replaced.
    Object.assign(known, now);
    this.#changed.fire(known);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}
