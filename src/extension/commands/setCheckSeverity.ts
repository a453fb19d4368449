import * as v from "valibot";
import * as vscode from "vscode";
import type { CommandFactory } from "./command";

const severities = ["error", "warning", "information", "off"] as const;

/** As the language server's actions pass it; without a severity the user is asked. */
const request = v.object({ check: v.string(), severity: v.optional(v.picklist(severities)) });

/** Writes how serious a check of data sets is into `tunesmith.checks`, of the workspace where there is one. */
export const setCheckSeverity: CommandFactory = (services) => async (argument) => {
  const section = vscode.workspace.getConfiguration("tunesmith");
  const checks = section.get<Record<string, string>>("checks", {});
  const given = v.safeParse(request, argument);
  const check = given.success ? given.output.check : await pickCheck(services.extension.extension.packageJSON);
  if (check === undefined) return;
  const severity = (given.success ? given.output.severity : undefined) ?? (await pickSeverity(check, checks[check]));
  if (severity === undefined) return;
  const inWorkspace = vscode.workspace.workspaceFolders !== undefined;
  const target = inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  const { workspaceValue, globalValue } = section.inspect<Record<string, string>>("checks") ?? {};
  const own = (inWorkspace ? workspaceValue : globalValue) ?? {};
  await section.update("checks", { ...own, [check]: severity }, target);
};

async function pickCheck(declared: unknown): Promise<string | undefined> {
  return vscode.window.showQuickPick(checkIds(declared), { placeHolder: vscode.l10n.t("Which check of data sets?") });
}

const manifest = v.object({
  contributes: v.object({
    configuration: v.object({
      properties: v.object({ "tunesmith.checks": v.object({ properties: v.record(v.string(), v.unknown()) }) }),
    }),
  }),
});

/** The checks that the manifest declares. */
function checkIds(declared: unknown): string[] {
  return Object.keys(v.parse(manifest, declared).contributes.configuration.properties["tunesmith.checks"].properties);
}

async function pickSeverity(check: string, current: string | undefined): Promise<string | undefined> {
  const names = {
    error: vscode.l10n.t("Error: the row must be mended"),
    warning: vscode.l10n.t("Warning: of no use, or harmful, as it is"),
    information: vscode.l10n.t("Information: worth a look"),
    off: vscode.l10n.t("Off: not checked"),
  };
  const items = severities.map((severity) => ({
    label: names[severity],
    severity,
    ...(severity === current ? { description: vscode.l10n.t("as set now") } : {}),
  }));
  const placeHolder = vscode.l10n.t("How serious is {0}?", check);
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.severity;
}
