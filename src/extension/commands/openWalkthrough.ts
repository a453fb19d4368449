import * as vscode from "vscode";
import type { CommandFactory } from "./command";

export const openWalkthrough: CommandFactory = (services) => async () => {
  await vscode.commands.executeCommand("workbench.action.openWalkthrough", `${services.extension.extension.id}#start`);
};
