import * as vscode from "vscode";
import { byteSize } from "../figures";
import { repositoryIn } from "./repositoryName";
import { memoryToTune, rankForDevice, type SuggestedModel, type TuningDevice } from "./suggestedModels";
import { tuningDevice } from "./tuningDevice";

type Item = vscode.QuickPickItem & { repository: string | null };

/** OWNER/NAME of the model that is chosen, or undefined. */
export async function pickHubModel(extensionPath: string): Promise<string | undefined> {
  const device = await tuningDevice(extensionPath);
  const machine = vscode.l10n.t("{0} with {1}", device.name, byteSize(device.memoryBytes));
  const placeHolder = vscode.l10n.t("Which model is to be tuned on this machine ({0})?", machine);
  const chosen = await vscode.window.showQuickPick(itemsFor(device), { placeHolder, matchOnDescription: true });
  return chosen === undefined ? undefined : (chosen.repository ?? askForRepository());
}

function itemsFor(device: TuningDevice): Item[] {
  const { fits, tooLarge } = rankForDevice(device);
  return [
    separator(vscode.l10n.t("Fit into its memory")),
    ...fits.map((model) => itemOf(model, device)),
    { label: `$(search) ${vscode.l10n.t("Another Model…")}`, repository: null },
    ...(tooLarge.length === 0 ? [] : [separator(vscode.l10n.t("Too large for it"))]),
    ...tooLarge.map((model) => itemOf(model, device)),
  ];
}

function separator(label: string): Item {
  return { label, kind: vscode.QuickPickItemKind.Separator, repository: null };
}

function itemOf(model: SuggestedModel, { kind }: TuningDevice): Item {
  const description = [model.licence];
  if (model.gated) description.push(vscode.l10n.t("gated: needs a token"));
  return {
    label: model.name,
    description: description.join(" · "),
    detail: vscode.l10n.t("{0} · takes about {1} to tune", model.repository, byteSize(memoryToTune(model, kind))),
    repository: model.repository,
  };
}

async function askForRepository(): Promise<string | undefined> {
  const text = await vscode.window.showInputBox({
    title: vscode.l10n.t("Which model of the Llama family?"),
    prompt: vscode.l10n.t("Its name on the Hub, such as {0}, or the address of its page", "HuggingFaceTB/SmolLM2-360M"),
    ignoreFocusOut: true,
    validateInput: (value) =>
      value.trim() === "" || repositoryIn(value) !== null ? null : vscode.l10n.t("Write it as OWNER/NAME."),
  });
  return text === undefined ? undefined : (repositoryIn(text) ?? undefined);
}
