/** Validations as one SARIF 2.1.0 log, which code hosts and CI services show beside the files. */

import { resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { type CheckId, checkIds, checks, type Severity } from "../../dataset/checks/table";
import type { ValidationDocument, ValidationProblem } from "./document";
import { totalProblems } from "./text";

const LEVELS: Record<Severity, "error" | "warning" | "note"> = {
  error: "error",
  warning: "warning",
  information: "note",
};

export interface SarifOptions {
  version: string;
  /** The folder that docs/checks/ lies in. */
  root: string;
  /** The folder that files are named from. */
  cwd: string;
  /** Why files could not be read, one message a file. */
  failures: readonly string[];
}

export function sarifLog(
  documents: readonly ValidationDocument[],
  { version, root, cwd, failures }: SarifOptions,
): unknown {
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "Tunesmith", version, rules: checkIds.map((check) => rule(check, root)) } },
        columnKind: "utf16CodeUnits",
        originalUriBaseIds: { ROOT: { uri: folderUri(cwd) } },
        invocations: [
          {
            executionSuccessful: failures.length === 0,
            toolExecutionNotifications: [
              ...failures.map((text) => ({ level: "error", message: { text } })),
              ...documents.flatMap((document) => notListed(document)),
            ],
          },
        ],
        results: documents.flatMap(({ file, problems }) => problems.map((problem) => result(file, cwd, problem))),
      },
    ],
  };
}

function rule(check: CheckId, root: string) {
  const { title, severity } = checks[check];
  return {
    id: check,
    name: check.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: title },
    helpUri: pathToFileURL(resolve(root, "docs", "checks", `${check}.md`)).href,
    defaultConfiguration: { level: LEVELS[severity] },
  };
}

function result(file: string, cwd: string, problem: ValidationProblem) {
  const { line, column, endColumn, check, severity, message } = problem;
  return {
    ruleId: check,
    ruleIndex: checkIds.indexOf(check as CheckId),
    level: LEVELS[severity],
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: artifact(file, cwd),
          region: { startLine: line, startColumn: column, endLine: line, endColumn },
        },
      },
    ],
  };
}

/** Relative where the file lies below the folder: the log then fits a check-out elsewhere. */
function artifact(file: string, cwd: string): { uri: string; uriBaseId?: string } {
  const uri = pathToFileURL(resolve(cwd, file)).href;
  const base = folderUri(cwd);
  return uri.startsWith(base) ? { uri: uri.slice(base.length), uriBaseId: "ROOT" } : { uri };
}

function folderUri(folder: string): string {
  return pathToFileURL(`${resolve(folder)}${sep}`).href;
}

function notListed(document: ValidationDocument) {
  const more = totalProblems(document) - document.problems.length;
  if (more === 0) return [];
  const text = `${more.toLocaleString("en")} more problems in ${document.file} are not listed.`;
  return [{ level: "warning", message: { text } }];
}
