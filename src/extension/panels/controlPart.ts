import * as vscode from "vscode";
import type { FromRunPanel } from "../../protocol/webview";
import { sendControl } from "../../run/control";
import type { RunPart, RunPartContext } from "./runPart";

/** What the page's buttons ask of a run, at work or ended. */
export function controlPart({ run }: RunPartContext): RunPart {
  return {
    show: () => {},
    receive: (message) => control(run, message),
    dispose: () => {},
  };
}

async function control({ directory }: RunPartContext["run"], message: FromRunPanel): Promise<boolean> {
  switch (message.type) {
    case "pause":
      await sendControl(directory, "pause");
      return true;
    case "continue":
      await sendControl(directory, "resume");
      return true;
    case "checkpoint":
      await sendControl(directory, "checkpoint");
      return true;
    case "setLearningRate":
      await sendControl(directory, "learning-rate", message.learningRate);
      return true;
    case "compare":
      await vscode.commands.executeCommand("tunesmith.compareRuns", directory);
      return true;
    case "export":
      await vscode.commands.executeCommand("tunesmith.exportRun", directory);
      return true;
    default:
      return false;
  }
}
