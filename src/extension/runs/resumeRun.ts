import * as vscode from "vscode";
import type { Services } from "../context";
import { JobCancelled } from "../jobs/runJob";
import { progressReporter } from "../jobs/withProgress";
import { checkRun, type RunCheck } from "./checkRun";
import { type ChildPlan, describeStart, planChildRun, startChildRun } from "./childRun";
import type { StartOptions } from "./preparations";
import { isPrepared } from "./runData";
import type { TrackedRun } from "./runRegistry";
import { goOn, startNow } from "./startRun";

/** More of them say no more. */
const SHOWN_CHANGES = 8;

/**
 * Lets a stopped or failed run go on. Where data, base model or settings have changed since it was made, it says what and
 * offers the ways on; it throws JobCancelled where none is taken.
 */
export async function resumeRun(services: Services, run: TrackedRun, options: StartOptions): Promise<void> {
  if (services.queue.placeOf(run) !== undefined) return startNow(services, run, options);
  if (await isPrepared(run.directory)) {
    const check = await checkRun(services, run, options);
    if (check.changes.length > 0) {
      const plan = await planChildRun(run, check);
      const way = await askForWay(run, check, plan);
      if (way === "child") {
        services.panels.openRun(await startChildRun(services, run, plan, options));
        return;
      }
    }
  }
  await goOn(services, run, options);
}

/** The same under a notification with the stage, its share and a way to cancel it. */
export async function resumeWithProgress(services: Services, run: TrackedRun): Promise<void> {
  const title = vscode.l10n.t("Resuming {0}", run.name);
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return resumeRun(services, run, { signal: abort.signal, onProgress: progressReporter(progress) });
    },
  );
}

async function askForWay(
  run: TrackedRun,
  { changes, preparedHolds }: RunCheck,
  plan: ChildPlan,
): Promise<"child" | "prepared"> {
  const child = vscode.l10n.t("Start Child Run");
  const prepared = vscode.l10n.t("Resume With the Prepared Data");
  const detail = [
    ...changes.slice(0, SHOWN_CHANGES).map(({ message }) => message),
    "",
    describeStart(plan),
    preparedHolds
      ? vscode.l10n.t("The rows that this run was prepared with are kept, so it can also go on with them.")
      : "",
  ];
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t("{0} cannot go on as it was: something has changed since it was made.", run.name),
    { modal: true, detail: detail.join("\n").trim() },
    child,
    ...(preparedHolds ? [prepared] : []),
  );
  if (chosen === child) return "child";
  if (chosen === prepared) return "prepared";
  throw new JobCancelled();
}
