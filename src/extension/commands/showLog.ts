import { stat } from "node:fs/promises";
import * as vscode from "vscode";
import { runPaths } from "../../run/runDirectory";
import type { CommandFactory } from "./command";

/** A run's engine log where a run is named and has one, else the output channel. */
export const showLog: CommandFactory = (services) => async (argument) => {
  const run = typeof argument === "string" ? services.runs.find(argument) : undefined;
  if (run !== undefined) {
    const { log } = runPaths(run.directory);
    const size = await stat(log).then(
      (status) => status.size,
      () => 0,
    );
    if (size > 0) {
      await vscode.window.showTextDocument(vscode.Uri.file(log), { preview: true });
      return;
    }
  }
  services.log.show();
};
