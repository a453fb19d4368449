import * as vscode from "vscode";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const chooseBaseModel: CommandFactory = (services) => async () => {
  if (!(await requireTrust())) return;
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    title: vscode.l10n.t("Choose a folder with config.json, tokenizer.json and safetensors files"),
    openLabel: vscode.l10n.t("Use as Base Model"),
  });
  const path = chosen?.[0]?.fsPath;
  if (path === undefined) return;
  const model = await services.models.inspect(path);
  if (model.problem !== null) {
    void vscode.window.showErrorMessage(model.problem);
    return;
  }
  await services.models.add(path);
  services.panels.chooseModel(path);
};
