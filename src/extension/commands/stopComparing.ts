import * as vscode from "vscode";
import type { CommandFactory } from "./command";

/** Ends the comparison and shows what came of it. */
export const stopComparing: CommandFactory = (services) => async () => {
  const id = await services.modelComparison.stop();
  if (id === null) void vscode.window.showInformationMessage(vscode.l10n.t("No models are being compared."));
  else await services.statisticsDocuments.openComparison(id);
};
