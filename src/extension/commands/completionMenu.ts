import * as vscode from "vscode";
import { describeState } from "../completion/describeState";
import type { EnabledScope } from "../completion/isEnabled";
import type { Services } from "../context";
import type { CommandFactory } from "./command";

interface MenuItem extends vscode.QuickPickItem {
  run?(): unknown;
}

/** What a click on the status bar offers: all that a person may want of the model that completes. */
export const completionMenu: CommandFactory = (services) => async () => {
  const { state } = services.completion;
  if (state.kind === "off") {
    await vscode.commands.executeCommand("tunesmith.useForCompletion");
    return;
  }
  const document = vscode.window.activeTextEditor?.document;
  const comparing = services.modelComparison.running;
  const told = comparing ? [] : describeState(state, services.completionSwitch.offHere);
  const chosen = await vscode.window.showQuickPick<MenuItem>(
    [
      ...switches(services, document),
      separator(),
      ...looks(),
      ...comparison(comparing),
      separator(),
      ...models(services, state.choice.directory),
    ],
    { title: [state.choice.name, ...told].join(" · "), placeHolder: vscode.l10n.t("Completion") },
  );
  await chosen?.run?.();
};

function switches(services: Services, document: vscode.TextDocument | undefined): MenuItem[] {
  const { completionSwitch } = services;
  const here = completionSwitch.on;
  const folder = document && vscode.workspace.getWorkspaceFolder(document.uri);
  const anyFolder = folder ?? vscode.workspace.workspaceFolders?.[0];
  const items: MenuItem[] = [
    {
      label: here
        ? `$(circle-slash) ${vscode.l10n.t("Turn Off in This Workspace")}`
        : `$(check) ${vscode.l10n.t("Turn On in This Workspace")}`,
      run: () => completionSwitch.setOn(!here),
    },
  ];
  const setting = (scope: EnabledScope, labels: { off: string; on: string }, uri?: vscode.Uri) => {
    const isOn = completionSwitch.isSet(scope, uri);
    items.push({
      label: isOn ? `$(circle-slash) ${labels.off}` : `$(check) ${labels.on}`,
      description: scope === "folder" ? vscode.l10n.t("in its settings") : vscode.l10n.t("in your settings"),
      run: () => completionSwitch.set(scope, !isOn, uri),
    });
  };
  if (anyFolder !== undefined) {
    const { name, uri } = anyFolder;
    const labels = {
      off: vscode.l10n.t("Turn Off in the Folder {0}", name),
      on: vscode.l10n.t("Turn On in the Folder {0}", name),
    };
    setting("folder", labels, uri);
  }
  setting("python", { off: vscode.l10n.t("Turn Off for Python"), on: vscode.l10n.t("Turn On for Python") });
  setting("everywhere", { off: vscode.l10n.t("Turn Off Everywhere"), on: vscode.l10n.t("Turn On Everywhere") });
  return items;
}

function looks(): MenuItem[] {
  return [
    command("$(note)", vscode.l10n.t("Show Last Prompt"), "tunesmith.showLastPrompt"),
    command("$(graph)", vscode.l10n.t("Completion Statistics"), "tunesmith.completionStatistics"),
  ];
}

function comparison(running: boolean): MenuItem[] {
  return running
    ? [command("$(beaker-stop)", vscode.l10n.t("Stop Comparing"), "tunesmith.stopComparing")]
    : [command("$(beaker)", vscode.l10n.t("Compare Models…"), "tunesmith.compareModels")];
}

function models({ runs, openRunCommands }: Services, directory: string): MenuItem[] {
  const run = runs.at(directory);
  const open =
    run === undefined
      ? []
      : [command("$(graph-line)", vscode.l10n.t("Open the Run {0}", run.name), openRunCommands.of(run).command)];
  return [
    command("$(sparkle)", vscode.l10n.t("Use Another Model…"), "tunesmith.useForCompletion"),
    command("$(close)", vscode.l10n.t("Stop Using Model"), "tunesmith.stopUsingModel"),
    ...open,
  ];
}

function command(icon: string, label: string, name: string): MenuItem {
  return { label: `${icon} ${label}`, run: () => vscode.commands.executeCommand(name) };
}

function separator(): MenuItem {
  return { label: "", kind: vscode.QuickPickItemKind.Separator };
}
