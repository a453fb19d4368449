import * as vscode from "vscode";
import { HubAccess } from "../models/hubAccess";
import type { CommandFactory } from "./command";

export const forgetHubToken: CommandFactory = (services) => async () => {
  const access = new HubAccess(services.extension.secrets);
  const message = (await access.hasToken())
    ? vscode.l10n.t("The access token for {0} is forgotten.", access.host)
    : vscode.l10n.t("No access token for {0} is kept.", access.host);
  await access.forgetToken();
  void vscode.window.showInformationMessage(message);
};
