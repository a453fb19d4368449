import * as vscode from "vscode";
import type { FromNowView, NowSituation, ToNowView } from "../../protocol/webview";
import type { Services } from "../context";
import { CurveFeed } from "../panels/curveFeed";
import { parseFromNowView } from "../panels/messages";
import { webviewHtml, webviewOptions } from "../panels/webviewHtml";
import type { TrackedRun } from "../runs/runRegistry";
import { shownHead } from "../runs/shownHead";

/** The sidebar's *Now*: the active run, else the last one and what to do with it, else how to start. */
export class NowView implements vscode.WebviewViewProvider, vscode.Disposable {
  #view: vscode.WebviewView | undefined;
  #shown: TrackedRun | undefined;
  #feed: CurveFeed | undefined;
  readonly #subscriptions: vscode.Disposable[];

  constructor(private readonly services: Services) {
    const { runs, completion, preparations } = services;
    this.#subscriptions = [
      preparations.onDidChange((directory) => {
        const run = this.#shown;
        if (run?.directory === directory) this.#post({ type: "head", head: shownHead(services, run) });
      }),
      runs.onDidChange(() => this.#show()),
      completion.onDidChange(() => this.#show()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#show()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.#show()),
      runs.onDidUpdate(({ run, update, before, renamed }) => {
        const stays = this.#shown?.directory === run.directory && this.#current() === run;
        if (!stays || renamed || before !== update.head.state) this.#show();
        else this.#post({ type: "head", head: shownHead(services, run, update.head) });
        if (stays) void this.#feed?.send();
      }),
    ];
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.#view = view;
    const { extensionUri } = this.services.extension;
    view.webview.options = webviewOptions(extensionUri);
    view.webview.onDidReceiveMessage((message: unknown) => {
      const parsed = parseFromNowView(message);
      if (parsed !== undefined) this.#receive(parsed);
    });
    view.onDidDispose(() => {
      this.#view = undefined;
    });
    view.webview.html = webviewHtml(view.webview, extensionUri, "now");
    if (vscode.workspace.isTrusted) void this.services.runs.load().then(() => this.#show());
  }

  #current(): TrackedRun | undefined {
    const { runs } = this.services;
    return runs.activeRun ?? runs.runs[0];
  }

  #situation(): NowSituation {
    if (!vscode.workspace.workspaceFolders?.length) return "no-folder";
    if (!vscode.workspace.isTrusted) return "untrusted";
    const { runs } = this.services;
    // What has ended last is known once all are; what goes on is read first.
    return runs.loaded || runs.activeRun !== undefined ? "ready" : "loading";
  }

  #show(): void {
    if (this.#view === undefined) return;
    const situation = this.#situation();
    const run = situation === "ready" ? this.#current() : undefined;
    this.#shown = run;
    const { state } = this.services.completion;
    this.#post({
      type: "now",
      situation,
      run: run === undefined ? null : shownHead(this.services, run),
      completionModel: state.kind === "off" ? null : state.choice.name,
    });
    this.#feedAnew(run);
  }

  /** Of a run that has ended no curve is drawn. */
  #feedAnew(run: TrackedRun | undefined): void {
    this.#feed?.dispose();
    this.#feed = undefined;
    if (run === undefined || !run.active) return;
    this.#feed = new CurveFeed(
      run.directory,
      ["loss", "evalLoss"],
      () => run.whole,
      (piece) => this.#post(piece),
    );
    void this.#feed.send();
  }

  #post(message: ToNowView): void {
    void this.#view?.webview.postMessage(message);
  }

  #receive(message: FromNowView): void {
    if (message.type === "ready") this.#show();
    else void vscode.commands.executeCommand(commandOf[message.type], "id" in message ? message.id : undefined);
  }

  dispose(): void {
    this.#feed?.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

/** The view's buttons do what the commands do. */
const commandOf: Record<Exclude<FromNowView["type"], "ready">, string> = {
  stop: "tunesmith.stopRun",
  pause: "tunesmith.pauseRun",
  continue: "tunesmith.continueRun",
  resume: "tunesmith.resumeRun",
  openRun: "tunesmith.openRun",
  useForCompletion: "tunesmith.useForCompletion",
  fineTune: "tunesmith.fineTune",
  manageTrust: "workbench.trust.manage",
  openFolder: "workbench.action.files.openFolder",
  howToStart: "tunesmith.openWalkthrough",
};
