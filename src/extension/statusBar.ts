import * as vscode from "vscode";
import { CompletionController, type CompletionState } from "./completion/completionController";
import type { Services } from "./context";
import { count, duration, percent } from "./figures";
import type { TrackedRun } from "./runs/runRegistry";

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
    const { runs, completion } = services;
    this.#subscriptions = [
      this.#item,
      runs.onDidChange(() => this.#show()),
      runs.onDidUpdate(() => this.#show()),
      completion.onDidChange(() => this.#show()),
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
    const { state, step, totalSteps, secondsLeft } = run.head();
    const done = `${percent(step, totalSteps)} %`;
    const left = secondsLeft === null ? "" : ` · ${duration(secondsLeft)}`;
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

  #showModel(state: Exclude<CompletionState, { kind: "off" }>): void {
    const { name } = state.choice;
    const working = this.#pulsing || state.kind === "loading";
    const icon = state.kind === "failed" ? "warning" : working ? "loading~spin" : "sparkle";
    this.#item.text = `$(${icon}) ${name}`;
    this.#item.tooltip = modelTooltip(state);
    this.#item.accessibilityInformation = { label: vscode.l10n.t("Tunesmith: {0} completes Python", name) };
    const run = this.services.runs.at(state.choice.directory);
    this.#item.command = run === undefined ? "tunesmith.stopUsingModel" : this.services.openRunCommands.of(run);
    const warning = new vscode.ThemeColor("statusBarItem.warningBackground");
    this.#item.backgroundColor = state.kind === "failed" ? warning : undefined;
    this.#item.show();
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

function modelTooltip(state: Exclude<CompletionState, { kind: "off" }>): vscode.MarkdownString {
  const tooltip = new vscode.MarkdownString(undefined, true);
  tooltip.isTrusted = { enabledCommands: ["tunesmith.stopUsingModel", "tunesmith.showLog"] };
  const lines = [vscode.l10n.t("Completes Python on the CPU")];
  if (state.kind === "waiting") lines.push(vscode.l10n.t("Loads with the first Python file"));
  if (state.kind === "resting") lines.push(vscode.l10n.t("Completion rests while a run computes"));
  if (state.kind === "loading") lines.push(vscode.l10n.t("Loading the model"));
  if (state.kind === "failed") lines.push(state.message);
  if (state.kind === "ready") {
    lines.push(vscode.l10n.t("Memory: {0} MB", count(state.memoryBytes / 1e6)));
    if (state.lastMs !== null) lines.push(vscode.l10n.t("Last completion: {0} ms", count(state.lastMs)));
    if (state.mode === "prefix") lines.push(vscode.l10n.t("Sees the code before the cursor only"));
  }
  // The name and the message are the user's texts, not markup.
  tooltip.appendText(`${state.choice.name}\n\n`);
  for (const line of lines) tooltip.appendText(`${line}\n\n`);
  tooltip.appendMarkdown(
    `[${vscode.l10n.t("Stop using it")}](command:tunesmith.stopUsingModel) · [${vscode.l10n.t("Show log")}](command:tunesmith.showLog)`,
  );
  return tooltip;
}
