import * as vscode from "vscode";
import { changeOf } from "../../evaluation/report/change";
import { evaluationPaths, readAnswers } from "../../evaluation/report/reportFiles";
import type { EvaluatedAnswer } from "../../protocol/evaluation";
import type { AdapterOrigin, ShownAnswer } from "../../protocol/evaluationView";
import type { FromRunPanel } from "../../protocol/webview";
import { openPlainFile } from "../../run/plainFile";
import type { RunUpdate } from "../../run/runMonitor";
import { openRow } from "./openRow";
import type { RunPart, RunPartContext } from "./runPart";

/** More than a person looks through; the files have all of them. */
const MOST_SHOWN = 500;
/** Of a text, characters: an answer of thousands of tokens is shown as far. */
const LONGEST_SHOWN = 20_000;

export const evaluationPart = (context: RunPartContext): RunPart => new EvaluationPart(context);

class EvaluationPart implements RunPart {
  readonly #subscriptions: vscode.Disposable[];
  /** The page has the list of answers open. */
  #answersShown = false;
  /** The report whose answers the page has. */
  #sentFor = "";
  #state: string;
  #posting: Promise<void> | undefined;
  #again = false;

  constructor(private readonly context: RunPartContext) {
    const { services, run } = context;
    this.#state = run.head().state;
    this.#subscriptions = [
      services.evaluations.onDidChange((directory) => {
        if (directory === run.directory) void this.#post();
      }),
      services.evaluations.follow(run),
    ];
  }

  async show(): Promise<void> {
    this.#sentFor = "";
    await this.#post();
  }

  update({ head }: RunUpdate): void {
    if (head.state === this.#state) return;
    this.#state = head.state;
    void this.#post();
  }

  async receive(message: FromRunPanel): Promise<boolean> {
    const { services, run } = this.context;
    switch (message.type) {
      case "evaluate":
        void services.evaluations.start(run);
        return true;
      case "evaluateWithTests":
        if (await services.evaluations.permission.ask()) void services.evaluations.start(run);
        return true;
      case "cancelEvaluation":
        await services.evaluations.cancel(run.directory);
        return true;
      case "openEvaluationReport":
        await this.#openReport();
        return true;
      case "showEvaluatedAnswers":
        this.#answersShown = true;
        await this.#post();
        return true;
      case "openEvaluatedRow":
        await this.#openRow(message.index);
        return true;
      default:
        return false;
    }
  }

  /** One after the other: what was read earlier must not arrive later. */
  async #post(): Promise<void> {
    this.#again = true;
    this.#posting ??= this.#postAll().finally(() => {
      this.#posting = undefined;
    });
    await this.#posting;
  }

  async #postAll(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.#postOnce();
    }
  }

  async #postOnce(): Promise<void> {
    const { services, run, post } = this.context;
    const { evaluations } = services;
    const { report, stale, failure } = await evaluations.read(run.directory);
    post({
      type: "evaluation",
      view: {
        possible: run.usable,
        adapter: this.#adapter(),
        progress: evaluations.progress(run.directory),
        failure: evaluations.failure(run.directory) ?? failure,
        report,
        stale,
        codeAllowed: evaluations.permission.given,
      },
    });
    const key = report === null ? "" : report.createdAt;
    if (!this.#answersShown || key === this.#sentFor) return;
    this.#sentFor = key;
    const answers = await readAnswers(run.directory);
    post({ type: "evaluatedAnswers", answers: answers.slice(0, MOST_SHOWN).map(shown), total: answers.length });
  }

  #adapter(): AdapterOrigin | null {
    const { end, bestStep } = this.context.run.history;
    if (end?.type !== "done" || end.adapterStep === undefined) return null;
    return { step: end.adapterStep, lastStep: end.step, early: end.early === true, bestStep };
  }

  async #openReport(): Promise<void> {
    const { markdown } = evaluationPaths(this.context.run.directory);
    // Nothing but the run's own file: a link may lead anywhere.
    await (await openPlainFile(markdown)).close();
    await vscode.commands.executeCommand("markdown.showPreviewToSide", vscode.Uri.file(markdown));
  }

  async #openRow(index: number): Promise<void> {
    const answer = (await readAnswers(this.context.run.directory))[index];
    // Only the run's own data: a report from elsewhere may name any file.
    if (answer === undefined || !this.#dataFiles().has(answer.file)) return;
    await openRow(vscode.Uri.file(answer.file), answer.row);
  }

  #dataFiles(): Set<string> {
    const { path, heldOut, mixture = [] } = this.context.run.spec.dataset;
    return new Set([path, ...mixture.map((mixed) => mixed.path), ...(heldOut.kind === "file" ? [heldOut.path] : [])]);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

function shown(answer: EvaluatedAnswer, index: number): ShownAnswer {
  const cut = (text: string) => (text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text);
  return {
    ...answer,
    prompt: cut(answer.prompt),
    expected: cut(answer.expected),
    base: { ...answer.base, text: cut(answer.base.text) },
    tuned: { ...answer.tuned, text: cut(answer.tuned.text) },
    index,
    change: changeOf(answer),
  };
}
