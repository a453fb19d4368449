import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { EnginePlan } from "../../protocol/engine";
import type { DatasetSummary } from "../../protocol/server";
import { forecastRun } from "../../run/forecast";
import type { Services } from "../context";
import { duration } from "../figures";
import { defaultForm, newRun } from "../runs/planForm";
import { engineOf } from "../runs/startRun";
import { readSettings, sequenceLengthFor } from "../settings";

/**
 * The server's code lenses as VS Code's commands take them: addresses become URIs, and *Fine-tune* says what a run
 * would take. The engine is asked once for each model and size of data set, one file at a time; until it has answered
 * the lens goes without.
 */
export class CodeLensCommands implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #forecasts = new Map<string, EnginePlan | null>();
  #asking = false;

  readonly onDidChangeLenses = this.#changed.event;

  constructor(private readonly services: () => Services) {}

  adaptLenses(lenses: vscode.CodeLens[]): vscode.CodeLens[] {
    for (const lens of lenses) {
      const { command } = lens;
      if (!command?.command.startsWith("tunesmith.")) continue;
      const [address, summary] = (command.arguments ?? []) as [string, DatasetSummary | undefined];
      const dataset = vscode.Uri.parse(address);
      const title = command.command === "tunesmith.fineTune" ? this.#fineTune(dataset, summary) : undefined;
      lens.command = {
        command: command.command,
        title: title ?? titleOf(command.command) ?? command.title,
        arguments: [dataset],
      };
    }
    return lenses;
  }

  #fineTune(dataset: vscode.Uri, summary: DatasetSummary | undefined): string | undefined {
    const tokens = summary?.tokens;
    if (typeof tokens !== "number" || tokens === 0 || !vscode.workspace.isTrusted) return undefined;
    // What a keystroke adds changes no forecast.
    const roughly = Number(tokens.toPrecision(2));
    const key = JSON.stringify([dataset.toString(), roughly, sequenceLengthFor(dataset), readSettings()]);
    const known = this.#forecasts.get(key);
    if (known === undefined) void this.#ask(dataset, roughly, key);
    if (!known) return undefined;
    const gigabytes = `${(known.forecastBytes / 1e9).toFixed(1)} GB`;
    // It is rounded, and no run takes no time.
    const time = duration(Math.max(1, known.seconds));
    return known.device === "cpu"
      ? vscode.l10n.t("Fine-tune (≈ {0} and {1} on the CPU)", time, gigabytes)
      : vscode.l10n.t("Fine-tune (≈ {0} and {1} on this GPU)", time, gigabytes);
  }

  async #ask(dataset: vscode.Uri, tokens: number, key: string): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const services = this.services();
    try {
      const form = defaultForm(dataset.fsPath, await services.models.defaultPath(), sequenceLengthFor(dataset));
      const trainTokens = tokens * (1 - form.heldOutPercent / 100);
      const forecast = await forecastRun({
        engine: await engineOf(services),
        run: newRun(form, {
          choice: { format: "auto", fields: {} },
          dataset: dataset.fsPath,
          threads: readSettings().threads,
          sequences: trainTokens / form.sequenceLength,
        }),
        trainTokens,
        evalTokens: tokens - trainTokens,
        runsFolder: services.runs.folderFor(dataset) ?? null,
      });
      this.#forecasts.set(key, forecast);
    } catch (error) {
      // The plan says why when it is opened; a lens only goes without.
      services.log.debug(`No forecast for ${dataset.fsPath}: ${describeError(error)}`);
      this.#forecasts.set(key, null);
    } finally {
      this.#asking = false;
    }
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

function titleOf(command: string): string | undefined {
  switch (command) {
    case "tunesmith.fineTune":
      return vscode.l10n.t("Fine-tune");
    case "tunesmith.validateDataset":
      return vscode.l10n.t("Validate");
    case "tunesmith.previewRow":
      return vscode.l10n.t("Preview");
    case "tunesmith.editRow":
      return vscode.l10n.t("Edit row");
    case "tunesmith.openDatasetView":
      return vscode.l10n.t("Dataset view");
    default:
      return undefined;
  }
}
