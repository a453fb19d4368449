import * as vscode from "vscode";
import { ensureBaseExported } from "../completion/comparison/baseExport";
import type { ExportOptions } from "../completion/completionController";
import { exportPrecision } from "../completion/exportRecord";
import type { Services } from "../context";
import { progressReporter } from "../jobs/withProgress";
import { modelLabel } from "../models/modelLabel";
import type { TrackedRun } from "../runs/runRegistry";
import { requireTrust } from "../trust";
import { describeRun } from "../views/runText";
import type { CommandFactory } from "./command";

interface ContenderItem extends vscode.QuickPickItem {
  name: string;
  exported(options: ExportOptions): Promise<string>;
}

/** The model in use and another one take turns until *Stop Comparing*. */
export const compareModels: CommandFactory = (services) => async () => {
  if (!(await requireTrust())) return;
  await services.runs.load();
  if (!services.completionStatistics.enabled) {
    const off = vscode.l10n.t(
      "A comparison is made of completion statistics: turn on tunesmith.completion.statistics.",
    );
    void vscode.window.showInformationMessage(off);
    return;
  }
  if (services.completion.worker === undefined) await vscode.commands.executeCommand("tunesmith.useForCompletion");
  const { state } = services.completion;
  if (state.kind === "off") return;
  const chosen = await vscode.window.showQuickPick(await contenders(services, state.choice.directory), {
    placeHolder: vscode.l10n.t("Choose a model to compare {0} with", state.choice.name),
    matchOnDescription: true,
  });
  if (chosen === undefined) return;
  await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t("Getting {0} ready for completion", chosen.name),
      cancellable: true,
    },
    async (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      const options = { signal: abort.signal, onProgress: progressReporter(progress) };
      const exportDir = await chosen.exported(options);
      await services.modelComparison.start({ name: chosen.name, exportDir });
    },
  );
  // One that cannot be loaded has ended it, and that was said.
  if (!services.modelComparison.running) return;
  void vscode.window.showInformationMessage(
    vscode.l10n.t("The two models take turns at completing from now on. Stop Comparing shows what came of it."),
  );
};

/** The base of the model in use first, then the other bases and the other tuned models. */
async function contenders(services: Services, directory: string): Promise<ContenderItem[]> {
  const run = services.runs.at(directory);
  const own = run?.spec.model.path;
  const others = (await services.models.choices()).map(({ path }) => path).filter((path) => path !== own);
  const bases = own === undefined ? others : [own, ...others];
  const precision = await exportPrecision(services.completion.worker?.exportDir ?? directory);
  return [
    ...bases.map((path) => ({
      label: modelLabel(path),
      description: path === own ? vscode.l10n.t("the base model of {0}", run!.name) : vscode.l10n.t("base model"),
      name: modelLabel(path),
      exported: (options: ExportOptions) => ensureBaseExported(services.extension, { path, precision }, options),
    })),
    ...services.runs.runs.filter((other) => other.usable && other !== run).map((other) => tuned(services, other)),
  ];
}

function tuned(services: Services, run: TrackedRun): ContenderItem {
  return {
    label: run.name,
    description: describeRun(run.head()),
    name: run.name,
    exported: (options) => services.completion.ensureExported(run.directory, options),
  };
}
