import { readFile, stat } from "node:fs/promises";
import { join, normalize } from "node:path";
import * as vscode from "vscode";
import type { ModelChoice } from "../../protocol/webview";
import { readSettings } from "../settings";
import { modelLabel } from "./modelLabel";
import { parameterCount } from "./parameterCount";

export interface BaseModel extends ModelChoice {
  /** One sentence where the folder cannot be used; null where it can. */
  problem: string | null;
  bundled: boolean;
}

/** The base models to choose from: the one that comes with Tunesmith and the folders of the settings. */
export class ModelCatalogue implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #subscription: vscode.Disposable;

  constructor(private readonly extension: vscode.ExtensionContext) {
    this.#subscription = vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("tunesmith.modelPaths") || event.affectsConfiguration("tunesmith.defaultModel")) {
        this.#changed.fire();
      }
    });
  }

  get bundledPath(): string {
    return join(this.extension.extensionPath, "models", "tiny-python");
  }

  async bases(): Promise<BaseModel[]> {
    const { modelPaths, defaultModel } = readSettings();
    const configured = [...modelPaths, ...(defaultModel === "" ? [] : [defaultModel])].map(normalize);
    const paths = [...new Set([this.bundledPath, ...configured])];
    const models = await Promise.all(paths.map((path) => this.inspect(path)));
    return models.filter((model) => !model.bundled || model.problem === null);
  }

  /** Those that a run can start from. */
  async choices(): Promise<ModelChoice[]> {
    const usable = (await this.bases()).filter((model) => model.problem === null);
    return usable.map(({ path, label, parameters }) => ({ path, label, parameters }));
  }

  /** What a new run starts with; empty where there is no model at all. */
  async defaultPath(): Promise<string> {
    const choices = await this.choices();
    const preferred = readSettings().defaultModel;
    const chosen = choices.find((model) => preferred !== "" && model.path === normalize(preferred)) ?? choices[0];
    return chosen?.path ?? "";
  }

  /** Offers the folder from now on. */
  async add(path: string): Promise<void> {
    const { modelPaths } = readSettings();
    if (modelPaths.includes(path) || path === this.bundledPath) return;
    const section = vscode.workspace.getConfiguration("tunesmith");
    await section.update("modelPaths", [...modelPaths, path], vscode.ConfigurationTarget.Global);
  }

  async inspect(path: string): Promise<BaseModel> {
    const model = { path, label: modelLabel(path), parameters: null, bundled: path === this.bundledPath };
    const config = await readConfig(join(path, "config.json"));
    if (typeof config === "string") return { ...model, problem: config };
    const { model_type: type } = config;
    if (type !== "llama") {
      const problem = vscode.l10n.t(
        "{0}: model_type is {1}; choose a model of the Llama family.",
        join(path, "config.json"),
        JSON.stringify(type ?? null),
      );
      return { ...model, problem };
    }
    const tokenizer = join(path, "tokenizer.json");
    if (!(await isFile(tokenizer))) {
      const problem = vscode.l10n.t("{0} is missing: choose a folder with a Hugging Face model.", tokenizer);
      return { ...model, problem };
    }
    return { ...model, parameters: parameterCount(config), problem: null };
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }
}

/** The config's fields, or a sentence that says why there are none. */
async function readConfig(file: string): Promise<Record<string, unknown> | string> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return vscode.l10n.t("{0} cannot be read: choose a folder with a Hugging Face model.", file);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, as for any other value.
  }
  return vscode.l10n.t("{0} is not a JSON object: choose a folder with a Hugging Face model.", file);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}
