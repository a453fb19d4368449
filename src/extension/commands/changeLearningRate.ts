import * as vscode from "vscode";
import { sendControl } from "../../run/control";
import { describeRange, ranges } from "../../run/runSpec";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

const range = ranges["optimizer.learningRate"];

export const changeLearningRate: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.controllable, {
    pick: vscode.l10n.t("Choose a run to change the learning rate of"),
    none: vscode.l10n.t("No run is going on."),
  });
  if (run === undefined) return;
  const typed = await vscode.window.showInputBox({
    title: vscode.l10n.t("Learning rate of {0}", run.name),
    prompt: vscode.l10n.t("It counts from the next step on, before schedule and warm-up."),
    value: String(run.history.learningRateChanges.at(-1)?.learningRate ?? run.spec.optimizer.learningRate),
    validateInput: (text) => (learningRateOf(text) === undefined ? wrong() : undefined),
  });
  const learningRate = typed === undefined ? undefined : learningRateOf(typed);
  if (learningRate !== undefined) await sendControl(run.directory, "learning-rate", learningRate);
};

function learningRateOf(text: string): number | undefined {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return value >= range.min && value <= range.max ? value : undefined;
}

const wrong = () => vscode.l10n.t("The learning rate must be {0}.", describeRange(range));
