import type { Connection } from "vscode-languageserver";
import type { CurrentSettings } from "./currentSettings";
import type { DatasetAnalysis, DatasetState } from "./datasetAnalysis";
import type { LengthCheck } from "./lengthCheck";
import { Cancelled } from "./slices";

/** The stage that counts tokens; a tokenizer that cannot be read is said once. */
export class LengthStage {
  private readonly failed = new WeakSet<LengthCheck>();

  constructor(
    private readonly connection: Connection,
    private readonly settings: CurrentSettings,
  ) {}

  async run(analysis: DatasetAnalysis, state: DatasetState, signal: AbortSignal): Promise<boolean> {
    const check = this.settings.lengthCheck;
    if (!check || this.failed.has(check)) return false;
    try {
      return await check.run(analysis, state, signal);
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      this.reportFailure(check, error);
      return false;
    }
  }

  private reportFailure(check: LengthCheck, error: unknown): void {
    if (this.failed.has(check)) return;
    this.failed.add(check);
    const cause = error instanceof Error ? error.message : String(error);
    this.connection.window.showWarningMessage(
      `Rows are not measured while editing: ${cause} (setting tunesmith.tokenizerPath)`,
    );
  }
}
