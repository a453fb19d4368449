import { join } from "node:path";
import * as vscode from "vscode";
import { curvesAsCsv } from "../../run/curveCsv";
import type { RunPart, RunPartContext } from "./runPart";

/** Hands the curves to other programs. */
export function curvesPart({ run, post }: RunPartContext): RunPart {
  return {
    show: () => {},
    receive: async (message) => {
      if (message.type === "copyCsv") {
        const { text, rows } = await curvesAsCsv(run.history);
        await vscode.env.clipboard.writeText(text);
        post({ type: "curvesCopied", what: "csv", rows });
        return true;
      }
      if (message.type !== "savePng") return false;
      await savePicture(run, message.data);
      return true;
    },
    dispose: () => {},
  };
}

async function savePicture({ id, spec }: RunPartContext["run"], data: string): Promise<void> {
  const folder = join(spec.dataset.path, "..");
  const file = await vscode.window.showSaveDialog({
    title: vscode.l10n.t("Save the curves as a picture"),
    defaultUri: vscode.Uri.file(join(folder, `${id}.png`)),
    filters: { PNG: ["png"] },
  });
  if (file !== undefined) await vscode.workspace.fs.writeFile(file, Buffer.from(data, "base64"));
}
