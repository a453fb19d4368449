import * as vscode from "vscode";
import { CompletionController, type CompletionState } from "./completion/completionController";
import { describeState } from "./completion/describeState";
import type { OffReason } from "./completion/isEnabled";
import { escapeMarkdown } from "./completion/statistics/markdownTable";
import type { Services } from "./context";
import { count, duration, percent } from "./figures";
import type { TrackedRun } from "./runs/runRegistry";
import { silence } from "./views/runText";

type InUse = Exclude<CompletionState, { kind: "off" }>;

/** A pulse shorter than this would not be seen. */
const PULSE_MS = 400;

/** The one item: the run that is going on, else the model in use, else nothing. */
export class StatusBar implements vscode.Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #subscriptions: vscode.Disposable[];
  #pulsing = false;
  #pulseEnd: NodeJS.Timeout | undefined;

  constructor(private readonly services: Services) {
    this.#item = vscode.window.createStatusBarItem("tunesmith.status", vscode.StatusBarAlignment.Right, 100);
    this.#item.name = "Tunesmith";
    const { runs, completion, completionSwitch, modelComparison } = services;
    this.#subscriptions = [
      this.#item,
      runs.onDidChange(() => this.#show()),
      runs.onDidUpdate(() => this.#show()),
      completion.onDidChange(() => this.#show()),
      completionSwitch.onDidChange(() => this.#show()),
      modelComparison.onDidChange(() => this.#show()),
      vscode.window.onDidChangeActiveTextEditor(() => this.#show()),
      completion.onDidChangeBusy((busy) => this.#pulse(busy)),
    ];
    this.#show();
  }

  #show(): void {
    const run = this.services.runs.activeRun;
    const { state } = this.services.completion;
    if (run !== undefined) this.#showRun(run);
    else if (state.kind !== "off") this.#showModel(state);
    else this.#item.hide();
  }

  #showRun(run: TrackedRun): void {
    const head = run.head();
    const { state, step, totalSteps, secondsLeft } = head;
    const done = `${percent(step, totalSteps)} %`;
    const left = secondsLeft === null ? silence(head) : ` · ${duration(secondsLeft)}`;
    if (state === "preparing") this.#item.text = `$(loading~spin) ${vscode.l10n.t("Preparing {0}", run.name)}`;
    else if (state === "paused") this.#item.text = `$(debug-pause) ${vscode.l10n.t("Paused at {0}", done)}`;
    else this.#item.text = `$(tools) ${vscode.l10n.t("Tuning {0}", done + left)}`;
    const progress = vscode.l10n.t("{0}: step {1} of {2}", run.name, count(step), count(totalSteps));
    const way = gaveWayText(this.services.completion);
    this.#item.tooltip = way === null ? progress : `${progress}\n${way}`;
    this.#item.accessibilityInformation = { label: `Tunesmith: ${this.#item.tooltip}` };
    this.#item.command = this.services.openRunCommands.of(run);
    this.#item.backgroundColor = undefined;
    this.#item.show();
  }

  #showModel(state: InUse): void {
    const { name } = state.choice;
    const off = this.services.completionSwitch.offHere;
    const comparing = this.services.modelComparison.running && state.kind !== "failed";
    const shown = comparing ? vscode.l10n.t("Comparing models") : name;
    this.#item.text = `$(${this.#icon(state, off)}) ${shown}`;
    this.#item.tooltip = comparing ? comparisonTooltip(off) : modelTooltip(state, off);
    this.#item.accessibilityInformation = { label: accessibleLabel(shown, comparing, off) };
    this.#item.command = "tunesmith.completionMenu";
    const warning = new vscode.ThemeColor("statusBarItem.warningBackground");
    this.#item.backgroundColor = state.kind === "failed" ? warning : undefined;
    this.#item.show();
  }

  #icon(state: InUse, off: OffReason | null): string {
    if (state.kind === "failed") return "warning";
    if (off !== null) return "circle-slash";
    if (this.#pulsing || state.kind === "loading") return "loading~spin";
    return this.services.modelComparison.running ? "beaker" : "sparkle";
  }

  #pulse(busy: boolean): void {
    clearTimeout(this.#pulseEnd);
    const end = () => {
      this.#pulsing = false;
      this.#show();
    };
    if (!busy) {
      this.#pulseEnd = setTimeout(end, PULSE_MS);
      return;
    }
    this.#pulsing = true;
    this.#show();
  }

  dispose(): void {
    clearTimeout(this.#pulseEnd);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

/** What completion has given up for a run that computes. */
function gaveWayText(completion: CompletionController): string | null {
  switch (completion.gaveWay) {
    case null:
      return null;
    case "off":
      return vscode.l10n.t("Completion rests while a run computes");
    case "reduced":
      return CompletionController.reducedThreads === 1
        ? vscode.l10n.t("Completion leaves the processor to the run: it uses one thread meanwhile")
        : vscode.l10n.t(
            "Completion leaves the processor to the run: it uses {0} threads meanwhile",
            CompletionController.reducedThreads,
          );
  }
}

function accessibleLabel(shown: string, comparing: boolean, off: OffReason | null): string {
  if (off !== null) return vscode.l10n.t("Tunesmith: {0}, completion is off", shown);
  return comparing ? `Tunesmith: ${shown}` : vscode.l10n.t("Tunesmith: {0} completes Python", shown);
}

function modelTooltip(state: InUse, off: OffReason | null): vscode.MarkdownString {
  const links: [string, string][] = [
    [switchText(off), "tunesmith.toggleCompletion"],
    [vscode.l10n.t("Statistics"), "tunesmith.completionStatistics"],
    [vscode.l10n.t("Show log"), "tunesmith.showLog"],
  ];
  return tooltip([state.choice.name, ...describeState(state, off)], links);
}

/** Says nothing from which it could be told which of the two has answered. */
function comparisonTooltip(off: OffReason | null): vscode.MarkdownString {
  const lines = [
    vscode.l10n.t("Comparing models"),
    vscode.l10n.t("Two models take turns at completing; which of them has answered is said at the end"),
  ];
  return tooltip(lines, [
    [switchText(off), "tunesmith.toggleCompletion"],
    [vscode.l10n.t("Stop comparing and show the result"), "tunesmith.stopComparing"],
  ]);
}

function switchText(off: OffReason | null): string {
  return off === null ? vscode.l10n.t("Turn off here") : vscode.l10n.t("Turn on here");
}

/** `lines` are texts, not markup: a name and a message are the user's. */
function tooltip(lines: readonly string[], links: readonly [text: string, command: string][]): vscode.MarkdownString {
  const linked = links.map(([text, command]) => `[${text}](command:${command})`).join(" · ");
  const made = new vscode.MarkdownString([...lines.map(escapeMarkdown), linked].join("\n\n"));
  made.isTrusted = { enabledCommands: links.map(([, command]) => command) };
  return made;
}
