import { basename } from "node:path";
import * as vscode from "vscode";
import type { DataSetSettings, FormatChoice } from "../../protocol/server";
import { pickDataset } from "../datasets/pickDataset";
import type { CommandFactory } from "./command";

const AUTOMATIC = "auto";

/** Says in the settings which format a data set has, or that it is to be found from the rows again. */
export const chooseFormat: CommandFactory = (services) => async (argument) => {
  const dataset = await pickDataset(argument);
  if (dataset === undefined) return;
  const formats = await services.languageServer.request<FormatChoice[]>("tunesmith/formats", null);
  const section = vscode.workspace.getConfiguration("tunesmith", dataset);
  // One setting of the whole workspace, where there is one: the server reads no folder's own.
  const inWorkspace = vscode.workspace.workspaceFolders !== undefined;
  const { workspaceValue, globalValue } = section.inspect<Record<string, DataSetSettings>>("dataSets") ?? {};
  const entries = { ...(inWorkspace ? workspaceValue : globalValue) };
  const glob = vscode.workspace.asRelativePath(dataset, false);
  const current = entries[glob]?.format ?? AUTOMATIC;
  const automatic = { id: AUTOMATIC, name: vscode.l10n.t("Automatic"), example: vscode.l10n.t("Found from the rows") };
  const items = [automatic, ...formats].map(({ id, name, example }) => ({
    id,
    label: id === current ? `$(check) ${name}` : name,
    detail: example,
  }));
  const placeHolder = vscode.l10n.t("Choose the format of {0}", basename(dataset.fsPath));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder, matchOnDetail: true });
  if (chosen === undefined || chosen.id === current) return;
  const { format: _, ...others } = entries[glob] ?? {};
  if (chosen.id !== AUTOMATIC) entries[glob] = { ...others, format: chosen.id };
  else if (Object.keys(others).length > 0) entries[glob] = others;
  else delete entries[glob];
  const target = inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  await section.update("dataSets", Object.keys(entries).length > 0 ? entries : undefined, target);
};
