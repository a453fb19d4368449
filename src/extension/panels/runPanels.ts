import { basename } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { CurveLook, FromRunPanel, PlanForm, RunPanelState, ToRunPanel } from "../../protocol/webview";
import type { Services } from "../context";
import { formOf } from "../runs/planForm";
import { RunRegistry, type TrackedRun } from "../runs/runRegistry";
import { hasBecome } from "./keptPlan";
import { parseFromRunPanel, parsePanelState } from "./messages";
import { openRow } from "./openRow";
import { PageWatch } from "./pageWatch";
import { PlanSession } from "./planSession";
import { RunSession } from "./runSession";
import { webviewHtml, webviewOptions } from "./webviewHtml";

export const VIEW_TYPE = "tunesmith.runPanel";

/** One panel a data set that is planned for, one a run; a plan that is started becomes its run's panel. */
export class RunPanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #panels = new Map<string, RunPanel>();

  constructor(private readonly services: () => Services) {}

  openPlan(dataset: vscode.Uri): void {
    const open = this.#panels.get(planKey(dataset));
    if (open !== undefined) open.reveal();
    else this.#add(this.#create()).showPlan(dataset, null);
  }

  /** A plan with the run's values, in the panel that is open for its data set where there is one. */
  async planAgain(run: TrackedRun): Promise<void> {
    const dataset = vscode.Uri.file(run.spec.dataset.path);
    this.openPlan(dataset);
    await this.#panels.get(planKey(dataset))?.planAgain(run);
  }

  openRun(run: TrackedRun): void {
    const open = this.#panels.get(runKey(run));
    if (open !== undefined) open.reveal();
    else this.#add(this.#create()).showRun(run);
  }

  closeRun(run: TrackedRun): void {
    this.#panels.get(runKey(run))?.close();
  }

  /** Whether a person may be reading the run's page. */
  isInSight(run: TrackedRun): boolean {
    return vscode.window.state.focused && this.#panels.get(runKey(run))?.visible === true;
  }

  /** The base model that was just chosen goes into the plan that is looked at. */
  chooseModel(path: string): void {
    for (const panel of this.#panels.values()) panel.chooseModel(path);
  }

  /** After a reload of the window: what the page had kept says what to show. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, kept: unknown): Promise<void> {
    const state = parsePanelState(kept);
    if (state === undefined || !vscode.workspace.isTrusted) {
      panel.dispose();
      return;
    }
    panel.webview.options = webviewOptions(this.services().extension.extensionUri);
    await this.#restore(panel, state);
  }

  async #restore(panel: vscode.WebviewPanel, state: RunPanelState): Promise<void> {
    const { runs } = this.services();
    // VS Code saves a page's state now and then: a plan that was started just before the reload is still kept as a plan.
    const find = () =>
      state.kind === "run" ? runs.find(state.id) : runs.runs.find((made) => hasBecome(state, made.spec));
    const run = state.kind === "run" || RunRegistry.hasRuns() ? await runs.first(find) : undefined;
    if (run !== undefined) this.#add(panel, state.kind === "run" ? state.curves : undefined).showRun(run);
    else if (state.kind === "plan") this.#add(panel).showPlan(vscode.Uri.file(state.dataset), state.form);
    else panel.dispose();
  }

  #create(place: Place = { viewColumn: vscode.ViewColumn.Active }): vscode.WebviewPanel {
    const { extensionUri } = this.services().extension;
    return vscode.window.createWebviewPanel(VIEW_TYPE, "Tunesmith", place, {
      ...webviewOptions(extensionUri),
      enableFindWidget: true,
    });
  }

  #add(webviewPanel: vscode.WebviewPanel, look?: CurveLook): RunPanel {
    const moved: Moved = (before, after, panel) => {
      if (before !== undefined && this.#panels.get(before) === panel) this.#panels.delete(before);
      if (after !== undefined) this.#panels.set(after, panel);
    };
    return new RunPanel(this.services(), webviewPanel, (place) => this.#create(place), moved, look);
  }

  dispose(): void {
    // The panels themselves stay: VS Code brings them back after the reload.
    for (const panel of this.#panels.values()) panel.release();
    this.#panels.clear();
  }
}

const planKey = (dataset: vscode.Uri) => `plan:${dataset.toString()}`;
const runKey = (run: TrackedRun) => `run:${run.directory}`;

async function mayReplace(dataset: vscode.Uri, run: TrackedRun): Promise<boolean> {
  const replace = vscode.l10n.t("Replace");
  const question = vscode.l10n.t("Replace what the open plan for {0} says?", basename(dataset.fsPath));
  const detail = vscode.l10n.t("It was changed. The settings of {0} would stand in its place.", run.name);
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, replace)) === replace;
}

type Place = { viewColumn: vscode.ViewColumn; preserveFocus?: boolean };
type Moved = (before: string | undefined, after: string | undefined, panel: RunPanel) => void;

class RunPanel {
  #session: PlanSession | RunSession | undefined;
  /** The page has asked for what it is to show. */
  #pageIsUp = false;
  #key: string | undefined;
  #subscriptions: vscode.Disposable[] = [];
  #watch: PageWatch | undefined;
  /** How often the page did not come up. */
  #silences = 0;

  constructor(
    private readonly services: Services,
    private panel: vscode.WebviewPanel,
    private readonly create: (place: Place) => vscode.WebviewPanel,
    private readonly moved: Moved,
    /** How its page shows a run's curves: what VS Code keeps for the page is lost where the panel is opened anew. */
    private look: CurveLook | undefined,
  ) {
    this.#load();
  }

  #load(): void {
    const { panel, services } = this;
    const { extensionUri } = services.extension;
    const icon = (theme: string) => vscode.Uri.joinPath(extensionUri, "media", `tunesmith-${theme}.svg`);
    panel.iconPath = { light: icon("light"), dark: icon("dark") };
    // Elsewhere a page that is slow comes up all the same, and must not be begun again.
    const inBrowser = vscode.env.uiKind === vscode.UIKind.Web;
    this.#watch = inBrowser ? new PageWatch(panel, this.#silences, () => this.#openAnew()) : undefined;
    this.#subscriptions = [
      { dispose: () => this.#watch?.dispose() },
      panel.onDidDispose(() => this.release()),
      panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)),
      // It may be renamed.
      services.runs.onDidUpdate(({ run }) => {
        if (this.#key === runKey(run) && panel.title !== run.name) panel.title = run.name;
      }),
      services.runs.onDidChange(() => this.#showAnew()),
    ];
    panel.webview.html = webviewHtml(panel.webview, extensionUri, "run-panel");
  }

  /** The same in another panel: this one's page has not come up. */
  #openAnew(): void {
    const { panel: silent } = this;
    this.services.log.warn(`The panel of ${silent.title} stays empty and is opened anew.`);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#silences++;
    this.#pageIsUp = false;
    const { viewColumn = vscode.ViewColumn.Active, active } = silent;
    this.panel = this.create({ viewColumn, preserveFocus: !active });
    this.panel.title = silent.title;
    this.#load();
    silent.dispose();
    this.#announce();
  }

  showPlan(dataset: vscode.Uri, form: PlanForm | null): void {
    const session = new PlanSession(
      this.services,
      dataset,
      form,
      (message) => this.#post(session, message),
      // A panel that was closed in the meantime shows nothing any more.
      (run) => {
        if (session === this.#session) this.showRun(run);
      },
    );
    this.#show(session, planKey(dataset), vscode.l10n.t("Fine-tune {0}", basename(dataset.fsPath)));
  }

  /** What a person has filled in is not replaced without asking. */
  async planAgain(run: TrackedRun): Promise<void> {
    const session = this.#session;
    if (!(session instanceof PlanSession)) return;
    if (session.filledIn && !(await mayReplace(session.dataset, run))) return;
    if (session === this.#session) await session.replace(formOf(run.spec));
  }

  /** A run that was gone for a moment is another object now, and the one that is shown moves no more. */
  #showAnew(): void {
    if (!(this.#session instanceof RunSession)) return;
    const shown = this.#session.run;
    const now = this.services.runs.at(shown.directory);
    if (now !== undefined && now !== shown) this.showRun(now);
  }

  showRun(run: TrackedRun): void {
    const session = new RunSession(this.services, run, (message) => this.#post(session, message));
    this.#show(session, runKey(run), run.name);
  }

  #show(session: PlanSession | RunSession, key: string, title: string): void {
    this.#session?.dispose();
    this.#session = session;
    this.moved(this.#key, key, this);
    this.#key = key;
    this.panel.title = title;
    this.#announce();
  }

  #announce(): void {
    const session = this.#session;
    void (session instanceof PlanSession || this.#pageIsUp ? session?.show() : session?.announce());
  }

  reveal(): void {
    this.panel.reveal();
  }

  get visible(): boolean {
    return this.panel.visible;
  }

  close(): void {
    this.panel.dispose();
  }

  chooseModel(path: string): void {
    if (this.panel.visible && this.#session instanceof PlanSession) void this.#session.chooseModel(path);
  }

  release(): void {
    this.#session?.dispose();
    this.#session = undefined;
    this.moved(this.#key, undefined, this);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  /** Only what the present session says: an ended one may still be finishing something. */
  #post(session: PlanSession | RunSession, message: ToRunPanel): void {
    if (session !== this.#session) return;
    const { look } = this;
    const whole = message.type === "run" && look !== undefined ? { ...message, look } : message;
    void this.panel.webview.postMessage(whole);
  }

  #receive(value: unknown): void {
    const message = parseFromRunPanel(value);
    if (message === undefined) {
      this.services.log.warn("The run panel sent a message that is not one of its protocol.");
      return;
    }
    this.#watch?.heard();
    if (message.type === "ready") {
      this.#pageIsUp = true;
      this.#silences = 0;
      void this.panel.webview.postMessage({ type: "heard" } satisfies ToRunPanel);
    }
    if (message.type === "look") {
      this.look = message.look;
      return;
    }
    const session = this.#session;
    const done =
      session instanceof PlanSession ? this.#planMessage(session, message) : this.#runMessage(session, message);
    done.catch((error: unknown) => void vscode.window.showErrorMessage(describeError(error)));
  }

  async #planMessage(session: PlanSession, message: FromRunPanel): Promise<void> {
    switch (message.type) {
      case "ready":
        return session.show();
      case "formChanged":
        return session.change(message.form);
      case "start":
        return session.start(message.form);
      case "cancelStart":
        return session.cancelStart();
      case "forecastAgain":
        return session.forecastAgain();
      case "measure":
        return session.measure();
      case "cancelMeasure":
        return session.cancelMeasure();
      case "changeSettings":
        return session.changeSettings(message.changes);
      case "openRow":
        return session.openRow(message.row, message.dataset);
      case "openDataset":
        return session.openRow(1, message.dataset);
      case "addDataset":
        return session.addDataset();
      case "chooseHeldOut":
        return session.chooseHeldOut();
      case "chooseCompletionFolder":
        return session.chooseCompletionFolder();
      case "saveSettings":
        return session.saveSettings();
      case "exportSettings":
        return session.exportSettings();
      case "importSettings":
        return session.importSettings();
      case "deletePreset":
        return session.deletePreset(message.id);
      case "effectOf":
        return session.effectOf(message.field);
      case "chooseModel":
        return vscode.commands.executeCommand("tunesmith.chooseBaseModel");
      case "downloadModel":
        return vscode.commands.executeCommand("tunesmith.downloadModel");
      case "showLog":
        return this.services.log.show();
    }
  }

  async #runMessage(session: RunSession | undefined, message: FromRunPanel): Promise<void> {
    if (session === undefined) return;
    const dataset = vscode.Uri.file(session.run.spec.dataset.path);
    switch (message.type) {
      case "ready":
        return session.show();
      case "stop":
        return session.stop();
      case "resume":
        return session.resume();
      case "endEngine":
        return session.endEngine();
      case "useForCompletion":
        return session.useForCompletion();
      case "cancelExport":
        return session.cancelExport();
      case "stopUsing":
        return this.services.completion.stop();
      case "showLog":
        return vscode.commands.executeCommand("tunesmith.showLog", session.run.directory);
      case "openDataset":
        return openRow(dataset, 1);
      case "runAgain":
        return this.services.panels.planAgain(session.run);
      default:
        return session.receive(message);
    }
  }
}
