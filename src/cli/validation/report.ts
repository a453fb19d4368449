/** A validation as a page to read (Markdown) and as data (JSON), side by side. */

import { basename, dirname, relative, resolve } from "node:path";
import { SEVERITIES } from "../../dataset/checks/severities";
import { type CheckId, checks, type Severity } from "../../dataset/checks/table";
import type { Scan } from "../../dataset/scan/scanFile";
import { writeAtomically } from "../../disk/atomicWrite";
import { grouped } from "../runText";
import type { ValidationDocument, ValidationProblem } from "./document";
import { notComparedLines, totalProblems } from "./text";

const EXAMPLES = 5;
const HEADINGS: Record<Severity, string> = {
  error: "Errors: rows that training leaves out",
  warning: "Warnings: rows that are well formed, but of no use or harmful as they are",
  information: "Notes: worth a look",
};

const SEVERITY_PLURALS: Record<Severity, string> = { error: "errors", warning: "warnings", information: "notes" };

export interface ReportPaths {
  markdown: string;
  json: string;
}

/** `markdown` ends with .md; the data goes beside it. */
export async function writeReport(
  markdown: string,
  document: ValidationDocument,
  scan: Scan,
  root: string,
): Promise<ReportPaths> {
  const json = markdown.replace(/\.md$/, ".json");
  await writeAtomically(json, `${JSON.stringify(document, null, 1)}\n`);
  await writeAtomically(markdown, reportText(document, scan, { folder: dirname(markdown), root }));
  return { markdown, json };
}

interface Places {
  /** Where the report lies. */
  folder: string;
  /** Where docs/checks/ lies. */
  root: string;
}

export function reportText(document: ValidationDocument, scan: Scan, places: Places): string {
  const { file, format, rows, totals } = document;
  const total = totalProblems(document);
  const target = linkTarget(places.folder, scan.path);
  const facts = [
    ["File", `[${inText(file)}](${target})`],
    ["Format", format ?? "none that is known"],
    ["Rows", grouped(rows)],
    ["Usable rows", grouped(totals.usable)],
    [
      "Problems",
      total === 0
        ? "none"
        : `${grouped(total)} (${SEVERITIES.map((s) => `${SEVERITY_PLURALS[s]}: ${grouped(totals[s])}`).join(", ")})`,
    ],
    [
      "Checked",
      totals.checks === "all" ? "everything" : "structure and exact duplicates; texts only with `--checks all`",
    ],
  ];
  return [
    `# Validation of ${inText(basename(file))}`,
    "",
    "| | |",
    "|---|---|",
    ...facts.map(([name, value]) => `| ${name} | ${value} |`),
    "",
    ...notComparedLines(scan.notCompared).flatMap((line) => [line, ""]),
    ...(total === 0 ? ["No problem was found.", ""] : problemTable(document, places)),
    ...SEVERITIES.flatMap((severity) => examples(document, severity, target)),
  ].join("\n");
}

function problemTable({ totals }: ValidationDocument, places: Places): string[] {
  const found = (Object.entries(totals.byCheck) as [CheckId, number][]).sort((a, b) => b[1] - a[1]);
  return [
    "## Problems by check",
    "",
    "| check | what it finds | problems |",
    "|---|---|---:|",
    ...found.map(
      ([check, count]) => `| [${check}](${docTarget(places, check)}) | ${checks[check].title} | ${grouped(count)} |`,
    ),
    "",
  ];
}

function examples({ problems }: ValidationDocument, severity: Severity, target: string): string[] {
  const byCheck = new Map<string, ValidationProblem[]>();
  for (const problem of problems) {
    if (problem.severity !== severity) continue;
    const known = byCheck.get(problem.check) ?? [];
    if (known.length < EXAMPLES) byCheck.set(problem.check, [...known, problem]);
  }
  if (byCheck.size === 0) return [];
  const sections = [...byCheck].flatMap(([check, first]) => [
    `### ${checks[check as CheckId].title} (${check})`,
    "",
    ...first.map(
      ({ line, column, message }) =>
        `- [row ${grouped(line)}, column ${grouped(column)}](${target}#L${line}): ${inText(message)}`,
    ),
    "",
  ]);
  return [`## ${HEADINGS[severity]}`, "", ...sections];
}

/** Relative, since VS Code's preview makes no link of a file's address. */
function docTarget({ folder, root }: Places, check: string): string {
  return linkTarget(folder, resolve(root, "docs", "checks", `${check}.md`));
}

function linkTarget(folder: string, path: string): string {
  return encodeURI(relative(folder, path).replaceAll("\\", "/")).replaceAll(
    /[()#?]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16)}`,
  );
}

/** What a data set holds must not become a part of the page. */
function inText(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|#]/g, "\\$&").replaceAll(/\s+/g, " ");
}
