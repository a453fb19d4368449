import * as vscode from "vscode";
import type { CompletionController } from "../completionController";
import type { ModelWorker } from "../modelWorker";
import type { CompletionStatistics } from "../statistics/completionStatistics";
import type { StatisticsDocuments } from "../statistics/statisticsDocuments";
import { Alternation } from "./alternation";

/** Kept per workspace, so that a comparison goes on after a reload. */
const STATE_KEY = "tunesmith.modelComparison";

/** The model that is compared with the one in use. */
export interface Contender {
  name: string;
  exportDir: string;
}

interface Kept {
  id: string;
  contender: Contender;
  /** Of the model in use when it began. */
  exportDir: string;
}

interface Running extends Kept {
  workers: readonly [ModelWorker, ModelWorker];
  subscriptions: readonly { dispose(): void }[];
}

/**
 * The model in use and another one take turns at completing, and nobody is told whose turn it is, until the comparison is
 * ended or one of them cannot go on.
 */
export class ModelComparison implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  /** One has begun or ended. */
  readonly onDidChange = this.#changed.event;
  readonly #subscription: vscode.Disposable;
  #running: Running | undefined;

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly completion: CompletionController,
    private readonly statistics: CompletionStatistics,
    private readonly documents: StatisticsDocuments,
  ) {
    this.#subscription = completion.onDidChange(() => this.#look());
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Throws a sentence where the two cannot be compared. Ends one that is running. */
  async start(contender: Contender): Promise<void> {
    const { worker } = this.completion;
    if (worker === undefined) throw new Error(vscode.l10n.t("Choose a model for completion first."));
    const models = await Promise.all(
      [worker.exportDir, contender.exportDir].map((dir) => this.statistics.modelOf(dir)),
    );
    const [one, other] = models as [(typeof models)[0], (typeof models)[0]];
    if (one.model === other.model) {
      throw new Error(
        vscode.l10n.t("{0} and {1} are the same model; choose another one to compare with.", one.name, other.name),
      );
    }
    await this.stop();
    const id = this.statistics.beginComparison(models);
    await this.#run({ id, contender, exportDir: worker.exportDir }, worker);
    // Else the first suggestion of each would be as late as its loading takes.
    const workers = this.#running?.workers ?? [];
    if (this.completion.gaveWay !== "off") await Promise.all(workers.map((one) => one.ensureLoaded()));
  }

  /** Goes on with the one that was running when the window was closed, where its model is still in use. */
  async restore(): Promise<void> {
    const kept = this.extension.workspaceState.get<unknown>(STATE_KEY);
    const { worker } = this.completion;
    if (!isKept(kept) || worker?.exportDir !== kept.exportDir) {
      if (kept !== undefined) await this.extension.workspaceState.update(STATE_KEY, undefined);
      return;
    }
    this.statistics.continueComparison(kept.id);
    await this.#run(kept, worker);
  }

  async #run(kept: Kept, worker: ModelWorker): Promise<void> {
    const contender = this.completion.createWorker(kept.contender.name, kept.contender.exportDir);
    const workers = [worker, contender] as const;
    const turns = new Alternation(kept.id);
    const sideOf = (exportDir: string) => (exportDir === worker.exportDir ? 0 : 1);
    const subscriptions = [
      contender.onDidChange(() => this.#look()),
      // What was made ahead of being wanted ends a turn only where it comes to be shown.
      this.statistics.onDidOffer(({ source, model }) => {
        if (source === "ahead") turns.made(sideOf(model));
      }),
    ];
    this.#running = { ...kept, workers, subscriptions };
    this.completion.setRoute({
      next: () => workers[turns.turn],
      made: (by) => turns.made(sideOf(by.exportDir)),
    });
    this.#changed.fire();
    await this.extension.workspaceState.update(STATE_KEY, kept);
  }

  /** Ends with the comparison where one of the two can no longer complete. */
  #look(): void {
    const running = this.#running;
    if (running === undefined) return;
    const failed = running.workers.find(({ state }) => state.kind === "failed");
    if (this.completion.worker !== running.workers[0]) {
      void this.#end(running, vscode.l10n.t("The comparison has ended, since another model is in use."));
    } else if (failed !== undefined) {
      void this.#end(running, vscode.l10n.t("The comparison has ended, since one of the models cannot be loaded."));
    }
  }

  async #end(running: Running, why: string): Promise<void> {
    await this.stop();
    const show = vscode.l10n.t("Show Result");
    const chosen = await vscode.window.showWarningMessage(why, show);
    if (chosen === show) await this.documents.openComparison(running.id);
  }

  /** The id of the comparison that has been ended; null: none was running. */
  async stop(): Promise<string | null> {
    const running = this.#running;
    if (running === undefined) return null;
    this.#running = undefined;
    for (const subscription of running.subscriptions) subscription.dispose();
    this.completion.setRoute(null);
    this.completion.removeWorker(running.workers[1]);
    this.statistics.endComparison();
    this.#changed.fire();
    await this.extension.workspaceState.update(STATE_KEY, undefined);
    return running.id;
  }

  dispose(): void {
    this.#subscription.dispose();
    for (const subscription of this.#running?.subscriptions ?? []) subscription.dispose();
    this.#changed.dispose();
  }
}

function isKept(value: unknown): value is Kept {
  const { id, exportDir, contender } = (value ?? {}) as Partial<Kept>;
  const texts = [id, exportDir, contender?.exportDir, contender?.name];
  return texts.every((text) => typeof text === "string");
}
