import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { Services } from "../context";
import { JobCancelled } from "../jobs/runJob";
import { changeLearningRate } from "./changeLearningRate";
import { checkpointNow } from "./checkpointNow";
import { chooseBaseModel } from "./chooseBaseModel";
import { chooseFormat } from "./chooseFormat";
import { clearCompletionStatistics } from "./clearCompletionStatistics";
import { clearRunSearch } from "./clearRunSearch";
import type { Command, CommandFactory } from "./command";
import { compareModels } from "./compareModels";
import { compareRuns } from "./compareRuns";
import { completionMenu } from "./completionMenu";
import { completionStatistics } from "./completionStatistics";
import { continueRun } from "./continueRun";
import { convertDataset } from "./convertDataset";
import { createDatasetFromPython } from "./createDatasetFromPython";
import { deleteRun } from "./deleteRun";
import { downloadModel } from "./downloadModel";
import { editNotes } from "./editNotes";
import { editRow } from "./editRow";
import { evaluateRun } from "./evaluateRun";
import { exportRun } from "./exportRun";
import { fineTune } from "./fineTune";
import { forgetCodePermission } from "./forgetCodePermission";
import { forgetHubToken } from "./forgetHubToken";
import { importDataset } from "./importDataset";
import { moveDownInQueue } from "./moveDownInQueue";
import { moveUpInQueue } from "./moveUpInQueue";
import { normaliseDataset } from "./normaliseDataset";
import { openDatasetView } from "./openDatasetView";
import { openRun } from "./openRun";
import { openWalkthrough } from "./openWalkthrough";
import { pauseRun } from "./pauseRun";
import { previewRow } from "./previewRow";
import { removeFromQueue } from "./removeFromQueue";
import { renameRun } from "./renameRun";
import { resumeRun } from "./resumeRun";
import { revealRun } from "./revealRun";
import { runAgain } from "./runAgain";
import { saveRowLosses } from "./saveRowLosses";
import { searchRuns } from "./searchRuns";
import { setCheckSeverity } from "./setCheckSeverity";
import { showLastPrompt } from "./showLastPrompt";
import { showLog } from "./showLog";
import { startChildRun } from "./startChildRun";
import { startNow } from "./startNow";
import { stopComparing } from "./stopComparing";
import { stopRun } from "./stopRun";
import { stopUsingModel } from "./stopUsingModel";
import { tagRun } from "./tagRun";
import { toggleCompletion } from "./toggleCompletion";
import { toggleRowLosses } from "./toggleRowLosses";
import { useForCompletion } from "./useForCompletion";
import { validateDataset } from "./validateDataset";

/** Every command of package.json, without its prefix. */
const factories: Record<string, CommandFactory> = {
  fineTune,
  validateDataset,
  openDatasetView,
  setCheckSeverity,
  createDatasetFromPython,
  importDataset,
  convertDataset,
  normaliseDataset,
  chooseFormat,
  editRow,
  previewRow,
  openRun,
  stopRun,
  resumeRun,
  pauseRun,
  continueRun,
  checkpointNow,
  changeLearningRate,
  startNow,
  moveUpInQueue,
  moveDownInQueue,
  removeFromQueue,
  startChildRun,
  runAgain,
  useForCompletion,
  stopUsingModel,
  toggleCompletion,
  completionMenu,
  completionStatistics,
  showLastPrompt,
  clearCompletionStatistics,
  compareModels,
  stopComparing,
  chooseBaseModel,
  downloadModel,
  forgetHubToken,
  compareRuns,
  renameRun,
  tagRun,
  editNotes,
  searchRuns,
  clearRunSearch,
  revealRun,
  evaluateRun,
  forgetCodePermission,
  saveRowLosses,
  toggleRowLosses,
  exportRun,
  deleteRun,
  showLog,
  openWalkthrough,
};

export function registerCommands(services: Services): vscode.Disposable[] {
  return Object.entries(factories).map(([name, create]) => {
    const command = create(services);
    return vscode.commands.registerCommand(`tunesmith.${name}`, (argument: unknown, selection: unknown) =>
      runCommand(services, () => command(argument, selection)),
    );
  });
}

/** A failure is one sentence in a message, and a line in the log. */
async function runCommand(services: Services, command: Command): Promise<void> {
  try {
    await command();
  } catch (error) {
    if (error instanceof JobCancelled) return;
    services.log.error(describeError(error));
    const show = vscode.l10n.t("Show Log");
    const chosen = await vscode.window.showErrorMessage(describeError(error), show);
    if (chosen === show) services.log.show();
  }
}
