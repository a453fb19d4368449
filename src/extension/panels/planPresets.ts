import { basename } from "node:path";
import * as vscode from "vscode";
import { writeAtomically } from "../../disk/atomicWrite";
import type { PlanForm, PlanSettings, PresetChoice } from "../../protocol/planForm";
import { changedSettings, sameSettings } from "../../run/planSettings";
import { presetIds, presetSettings, STANDARD } from "../../run/presets";
import {
  deleteSettings,
  formatSettings,
  isSettingsName,
  listSettings,
  readSettingsFile,
  type SavedSettings,
  saveSettings,
  settingsFolderOf,
} from "../../run/savedSettings";
import type { Services } from "../context";
import { tuningDevice } from "../models/tuningDevice";
import { sequenceLengthFor } from "../settings";

const SAVED = "saved:";
const filters = () => ({ [vscode.l10n.t("Settings")]: ["json"] });

/** The presets that a plan offers: the product's and those that the workspace keeps. */
export class PlanPresets {
  #gpu = false;
  #saved: SavedSettings[] = [];

  constructor(
    private readonly services: Services,
    private readonly dataset: vscode.Uri,
  ) {}

  get choices(): PresetChoice[] {
    const situation = { sequenceLength: sequenceLengthFor(this.dataset), gpu: this.#gpu };
    return [
      ...presetIds.map((id) => ({ id, savedName: null, settings: presetSettings(id, situation) })),
      ...this.#saved.map(({ name, settings }) => ({ id: SAVED + name, savedName: name, settings })),
    ];
  }

  /** The one that the form's settings are those of; else the one that it names, else Standard. */
  idFor(form: PlanForm): string {
    const named = this.choices.find(({ id }) => id === form.preset);
    if (named !== undefined && named.id !== STANDARD) return named.id;
    return this.choices.find(({ settings }) => sameSettings(form, settings))?.id ?? STANDARD;
  }

  /** The settings that the form was begun with. */
  baseline(form: PlanForm): PlanSettings {
    const { choices } = this;
    return (choices.find(({ id }) => id === form.preset) ?? choices[1]!).settings;
  }

  /** What was changed since the preset was chosen. */
  changedIn(form: PlanForm): (keyof PlanSettings)[] {
    return changedSettings(form, this.baseline(form));
  }

  /** Which of the presets depend on the machine; true where that changed any. */
  async lookForGpu(): Promise<boolean> {
    const { kind } = await tuningDevice(this.services.extension.extensionPath);
    const changed = this.#gpu !== (kind === "cuda");
    this.#gpu = kind === "cuda";
    return changed;
  }

  async readSaved(): Promise<void> {
    const folder = this.#folder();
    if (folder === undefined) return;
    const { saved, problems } = await listSettings(folder);
    this.#saved = saved;
    for (const problem of problems) this.services.log.warn(problem);
  }

  /** The new preset's id, or undefined where the person thought better of it. */
  async save(form: PlanForm): Promise<string | undefined> {
    const folder = this.#requireFolder();
    const taken = new Set(this.#saved.map(({ name }) => name));
    const name = await vscode.window.showInputBox({
      title: vscode.l10n.t("Save Settings"),
      prompt: vscode.l10n.t("Kept in this workspace, without the model, the data sets and any path."),
      placeHolder: vscode.l10n.t("Name of the settings"),
      value: form.preset.startsWith(SAVED) ? form.preset.slice(SAVED.length) : "",
      validateInput: (text) => nameProblem(text.trim(), taken),
    });
    if (name === undefined) return undefined;
    return this.#keep(folder, name.trim(), form);
  }

  async export(form: PlanForm): Promise<void> {
    const name = form.preset.startsWith(SAVED) ? form.preset.slice(SAVED.length) : form.preset;
    const folder = vscode.workspace.getWorkspaceFolder(this.dataset)?.uri ?? vscode.Uri.joinPath(this.dataset, "..");
    const target = await vscode.window.showSaveDialog({
      title: vscode.l10n.t("Export Settings File"),
      defaultUri: vscode.Uri.joinPath(folder, `${name}.json`),
      filters: filters(),
    });
    if (target === undefined) return;
    const own = basename(target.fsPath).replace(/\.json$/i, "");
    await writeAtomically(target.fsPath, formatSettings(isSettingsName(own) ? own : name, form));
  }

  /** Keeps the settings of a file that a person chooses, under a name that is free, and returns their id. */
  async import(): Promise<string | undefined> {
    const folder = this.#requireFolder();
    const [file] =
      (await vscode.window.showOpenDialog({
        title: vscode.l10n.t("Import Settings File"),
        canSelectMany: false,
        filters: filters(),
      })) ?? [];
    if (file === undefined) return undefined;
    const { name, settings } = await readSettingsFile(file.fsPath);
    const known = this.#saved.find((saved) => saved.name === name);
    if (known !== undefined && sameSettings(settings, known.settings)) return SAVED + name;
    return this.#keep(folder, this.#freeName(name), settings);
  }

  async delete(id: string): Promise<void> {
    const saved = this.#saved.find(({ name }) => SAVED + name === id);
    if (saved === undefined) return;
    const remove = vscode.l10n.t("Delete");
    const question = vscode.l10n.t('Delete the settings "{0}"?', saved.name);
    if ((await vscode.window.showWarningMessage(question, { modal: true }, remove)) !== remove) return;
    await deleteSettings(this.#requireFolder(), saved.name);
    await this.readSaved();
  }

  settingsOf(id: string): PlanSettings | undefined {
    return this.choices.find((choice) => choice.id === id)?.settings;
  }

  async #keep(folder: string, name: string, settings: PlanSettings): Promise<string> {
    await saveSettings(folder, name, settings);
    await this.readSaved();
    return SAVED + name;
  }

  #freeName(name: string): string {
    const taken = new Set(this.#saved.map((saved) => saved.name));
    // Room for the number within the longest name.
    const stem = name.slice(0, 55).trimEnd();
    let free = name;
    for (let number = 2; taken.has(free); number++) free = `${stem} ${number}`;
    return free;
  }

  #folder(): string | undefined {
    const folder = vscode.workspace.getWorkspaceFolder(this.dataset) ?? vscode.workspace.workspaceFolders?.[0];
    return folder?.uri.scheme === "file" ? settingsFolderOf(folder.uri.fsPath) : undefined;
  }

  #requireFolder(): string {
    const folder = this.#folder();
    if (folder !== undefined) return folder;
    throw new Error(vscode.l10n.t("Settings are kept in the folder that you work in: open one first."));
  }
}

function nameProblem(name: string, taken: ReadonlySet<string>) {
  if (!isSettingsName(name)) {
    return vscode.l10n.t("A name has 1 to 60 letters, digits, spaces, dots, hyphens or underscores.");
  }
  if (!taken.has(name)) return undefined;
  const message = vscode.l10n.t("Replaces the settings of this name.");
  return { message, severity: vscode.InputBoxValidationSeverity.Warning };
}
