import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { curvesAsCsv } from "../../run/curveCsv";
import type { RunHistory } from "../../run/runHistory";
import { saveCsv } from "../../run/saveCsv";
import type { RunPart, RunPartContext } from "./runPart";

/** Steps of which the clipboard takes the figures; those of more go to a file. */
const MAX_COPIED_STEPS = 2_000;

/** Hands the curves to other programs. */
export function curvesPart({ run, services, post }: RunPartContext): RunPart {
  return {
    show: () => {},
    receive: async (message) => {
      if (message.type === "copyCsv") {
        const history = await services.runs.whole(run);
        if (history === undefined) return true;
        const long = history.series.loss.length > MAX_COPIED_STEPS;
        const done = long ? await toFile(run, history) : await toClipboard(history);
        if (done !== undefined) post({ type: "curvesCopied", what: "csv", ...done });
        return true;
      }
      if (message.type !== "savePng") return false;
      const file = await savePicture(run, message.data);
      if (file !== undefined) post({ type: "curvesCopied", what: "png", rows: null, file });
      return true;
    },
    dispose: () => {},
  };
}

interface Done {
  rows: number;
  file: string | null;
}

async function toClipboard(history: Readonly<RunHistory>): Promise<Done> {
  const slices = [...curvesAsCsv(history)];
  await vscode.env.clipboard.writeText(slices.map(({ text }) => text).join(""));
  return { rows: slices.reduce((sum, slice) => sum + slice.rows, 0), file: null };
}

async function toFile(run: RunPartContext["run"], history: Readonly<RunHistory>): Promise<Done | undefined> {
  const file = await askWhere(run, vscode.l10n.t("Too many steps for the clipboard: save the curves as CSV"), "csv");
  if (file === undefined) return undefined;
  return { rows: await saveCsv(history, file.fsPath), file: basename(file.fsPath) };
}

async function savePicture(run: RunPartContext["run"], data: string): Promise<string | undefined> {
  const file = await askWhere(run, vscode.l10n.t("The clipboard takes no picture: save the curves as PNG"), "png");
  if (file === undefined) return undefined;
  await vscode.workspace.fs.writeFile(file, Buffer.from(data, "base64"));
  return basename(file.fsPath);
}

/** Beside the data set, under the run's name. */
function askWhere({ id, spec }: RunPartContext["run"], title: string, ending: string) {
  const defaultUri = vscode.Uri.file(join(dirname(spec.dataset.path), `${id}.${ending}`));
  return vscode.window.showSaveDialog({ title, defaultUri, filters: { [ending.toUpperCase()]: [ending] } });
}
