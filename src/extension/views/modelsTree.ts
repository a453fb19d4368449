import * as vscode from "vscode";
import type { Services } from "../context";
import { loss } from "../figures";
import type { BaseModel } from "../models/modelCatalogue";
import type { TrackedRun } from "../runs/runRegistry";

type Group = { kind: "group"; group: "base" | "tuned" };
type Node = Group | { kind: "base"; model: BaseModel } | { kind: "tuned"; run: TrackedRun; directory: string };

/** The models that can be tuned and those that were; the one in use for completion is marked. */
export class ModelsTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor(private readonly services: Services) {
    const refresh = () => this.#changed.fire();
    this.#subscriptions = [
      services.models.onDidChange(refresh),
      services.completion.onDidChange(refresh),
      services.runs.onDidChange(refresh),
      services.runs.onDidUpdate(({ update, before, renamed }) => {
        if (update.head.state !== before || renamed) refresh();
      }),
    ];
  }

  async getChildren(parent?: Node): Promise<Node[]> {
    if (!vscode.workspace.isTrusted) return [];
    if (parent === undefined) {
      const groups: Group[] = [{ kind: "group", group: "base" }];
      if ((await this.#tuned()).length > 0) groups.push({ kind: "group", group: "tuned" });
      return (await this.services.models.bases()).length === 0 && groups.length === 1 ? [] : groups;
    }
    if (parent.kind !== "group") return [];
    if (parent.group === "base") {
      return (await this.services.models.bases()).map((model) => ({ kind: "base", model }));
    }
    return (await this.#tuned()).map((run) => ({ kind: "tuned", run, directory: run.directory }));
  }

  async #tuned(): Promise<TrackedRun[]> {
    await this.services.runs.load();
    return this.services.runs.runs.filter((run) => run.usable);
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case "group":
        return groupItem(node.group);
      case "base":
        return baseItem(node.model);
      case "tuned":
        return tunedItem(this.services, node.run);
    }
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}

function groupItem(group: Group["group"]): vscode.TreeItem {
  const label = group === "base" ? vscode.l10n.t("Base models") : vscode.l10n.t("Tuned models");
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Expanded);
  item.id = group;
  return item;
}

function baseItem(model: BaseModel): vscode.TreeItem {
  const item = new vscode.TreeItem(model.label);
  item.id = `base:${model.path}`;
  item.description = [size(model.parameters), model.bundled ? vscode.l10n.t("comes with Tunesmith") : ""]
    .filter((part) => part !== "")
    .join(" · ");
  item.tooltip = model.problem ?? model.path;
  item.iconPath =
    model.problem === null
      ? new vscode.ThemeIcon("symbol-class")
      : new vscode.ThemeIcon("warning", new vscode.ThemeColor("list.warningForeground"));
  if (model.problem !== null) item.description = model.problem;
  item.contextValue = "base";
  return item;
}

function size(parameters: number | null): string {
  if (parameters === null) return "";
  if (parameters >= 1e9) return vscode.l10n.t("{0} B parameters", (parameters / 1e9).toFixed(1));
  return vscode.l10n.t("{0} M parameters", (parameters / 1e6).toFixed(1));
}

function tunedItem({ completion, openRunCommands }: Services, run: TrackedRun): vscode.TreeItem {
  const inUse = completion.isInUse(run.directory);
  const item = new vscode.TreeItem(run.name);
  item.id = `tuned:${run.directory}`;
  const { evalLoss, evalLossBefore, state } = run.head();
  // A run that was stopped before its first eval has no figure of its own.
  const own = evalLoss === evalLossBefore ? null : evalLoss;
  const figures = [
    inUse ? vscode.l10n.t("in use") : "",
    own === null ? "" : vscode.l10n.t("eval loss {0}", loss(own)),
    state === "stopped" ? vscode.l10n.t("stopped early") : "",
  ];
  item.description = figures.filter((part) => part !== "").join(" · ");
  item.tooltip = run.directory;
  item.iconPath = inUse
    ? new vscode.ThemeIcon("sparkle", new vscode.ThemeColor("charts.green"))
    : new vscode.ThemeIcon("symbol-method");
  item.contextValue = inUse ? "tuned usable inUse" : "tuned usable";
  item.command = openRunCommands.of(run);
  return item;
}
