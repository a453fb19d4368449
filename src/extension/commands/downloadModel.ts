import * as v from "valibot";
import * as vscode from "vscode";
import type { Services } from "../context";
import { byteSize } from "../figures";
import { runJobWithProgress } from "../jobs/withProgress";
import { HubAccess } from "../models/hubAccess";
import { pickHubModel } from "../models/pickHubModel";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

const grantedPlan = v.object({
  access: v.literal("granted"),
  licence: v.nullable(v.string()),
  bytes: v.number(),
  missingBytes: v.number(),
  folder: v.string(),
});
const refusedPlan = v.object({ access: v.picklist(["needs-token", "no-access"]), message: v.string() });
const planResult = v.variant("access", [grantedPlan, refusedPlan]);
const downloadResult = v.object({ folder: v.string() });

type Plan = v.InferOutput<typeof grantedPlan>;

/** Nothing is fetched before its size and licence were shown. The argument may name the model. */
export const downloadModel: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const repository = typeof argument === "string" ? argument : await pickHubModel(services.extension.extensionPath);
  if (repository === undefined) return;
  const access = new HubAccess(services.extension.secrets);
  const plan = await planWithAccess(services, access, repository);
  if (plan === undefined || !(await confirm(plan, repository, access))) return;
  const value = await runHubJob(services, access, vscode.l10n.t("Downloading {0}", repository), [repository]);
  await offer(services, repository, v.parse(downloadResult, value).folder);
};

async function runHubJob(services: Services, access: HubAccess, title: string, args: string[]): Promise<unknown> {
  const { options, environment } = await access.forJob();
  return runJobWithProgress(title, {
    extensionPath: services.extension.extensionPath,
    args: ["model", "download", ...args, ...options],
    environment,
  });
}

/** Asks for a token where the model needs one, until it may be read or the user gives up. */
async function planWithAccess(services: Services, access: HubAccess, repository: string): Promise<Plan | undefined> {
  for (;;) {
    const title = vscode.l10n.t("Asking {0} for {1}", access.host, repository);
    const plan = v.parse(planResult, await runHubJob(services, access, title, [repository, "--plan"]));
    if (plan.access === "granted") return plan;
    if (!(await getAccess(access, repository, plan.message))) return undefined;
  }
}

/** True where it is worth asking again. */
async function getAccess(access: HubAccess, repository: string, message: string): Promise<boolean> {
  const enter = vscode.l10n.t("Enter Token…");
  const open = vscode.l10n.t("Open Model Page");
  const again = vscode.l10n.t("Try Again");
  const buttons = (await access.hasToken()) ? [open, enter, again] : [open, enter];
  let chosen = await vscode.window.showWarningMessage(message, ...buttons);
  while (chosen === open) {
    await vscode.env.openExternal(vscode.Uri.parse(`${access.endpoint}/${repository}`));
    chosen = await vscode.window.showWarningMessage(message, ...buttons);
  }
  if (chosen !== enter) return chosen === again;
  const token = await vscode.window.showInputBox({
    title: vscode.l10n.t("Access token for {0}", access.host),
    prompt: vscode.l10n.t(
      "Make one with read access at {0}. It is kept in VS Code's secret storage.",
      tokenPage(access),
    ),
    password: true,
    ignoreFocusOut: true,
  });
  if (token === undefined || token.trim() === "") return false;
  await access.storeToken(token.trim());
  return true;
}

function tokenPage({ endpoint }: HubAccess): string {
  return `${endpoint}/settings/tokens`;
}

async function confirm(plan: Plan, repository: string, access: HubAccess): Promise<boolean> {
  // All of it is there: nothing is fetched, so there is nothing to ask.
  if (plan.missingBytes === 0) return true;
  const download = vscode.l10n.t("Download");
  const open = vscode.l10n.t("Open Model Page");
  const begun = plan.bytes - plan.missingBytes;
  const detail = [
    begun === 0
      ? vscode.l10n.t("Size: {0}", byteSize(plan.bytes))
      : vscode.l10n.t("Size: {0}, of which {1} are there already", byteSize(plan.bytes), byteSize(begun)),
    vscode.l10n.t("Licence: {0}", plan.licence ?? vscode.l10n.t("not stated; see the model's page")),
    vscode.l10n.t("From: {0}", access.host),
    vscode.l10n.t("To: {0}", plan.folder),
  ].join("\n");
  for (;;) {
    const message = vscode.l10n.t("Download {0}?", repository);
    const chosen = await vscode.window.showInformationMessage(message, { modal: true, detail }, download, open);
    if (chosen !== open) return chosen === download;
    await vscode.env.openExternal(vscode.Uri.parse(`${access.endpoint}/${repository}`));
  }
}

async function offer(services: Services, repository: string, folder: string): Promise<void> {
  const model = await services.models.inspect(folder);
  if (model.problem !== null) throw new Error(model.problem);
  await services.models.add(folder);
  services.panels.chooseModel(folder);
  const makeDefault = vscode.l10n.t("Use for New Runs");
  const message = vscode.l10n.t("{0} is ready to be tuned.", repository);
  if ((await vscode.window.showInformationMessage(message, makeDefault)) !== makeDefault) return;
  const section = vscode.workspace.getConfiguration("tunesmith");
  await section.update("defaultModel", folder, vscode.ConfigurationTarget.Global);
}
