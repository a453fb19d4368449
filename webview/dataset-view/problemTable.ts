import type { DatasetReport, FromDatasetView, ReportedProblem, ReportSeverity } from "../../src/protocol/datasetView";
import { element, icon, linkButton } from "../dom";
import { count } from "../figures";
import { t } from "../texts";

/** Problems by kind, with their true counts. */
export class ProblemTable {
  readonly element: HTMLElement;

  constructor(
    report: DatasetReport,
    private readonly pick: (check: string) => void,
    private readonly post: (message: FromDatasetView) => void,
  ) {
    if (report.problems.length === 0) {
      const none = element("p", {}, icon("pass", "finished"), element("span", { text: t("No problems were found.") }));
      none.classList.add("no-problems");
      this.element = none;
      return;
    }
    const heads = [t("Severity"), t("Problem"), t("Rows"), t("Problems")];
    this.element = element(
      "table",
      { class: "problem-table", testId: "problem-table" },
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          ...heads.map((text) => element("th", { text, attributes: { scope: "col" } })),
          element("td", {}, element("span", { class: "for-screen-readers", text: t("About this check") })),
        ),
      ),
      element("tbody", {}, ...bySeverity(report.problems).map((problem) => this.#row(problem))),
    );
  }

  #row({ check, title, severity, problems, rows }: ReportedProblem): HTMLElement {
    const about = linkButton(t("About"), () => this.post({ type: "openCheck", check }));
    about.setAttribute("aria-label", t("About: {0}", title));
    return element(
      "tr",
      {},
      element("td", { class: "severity" }, severityIcon(severity), element("span", { text: severityName(severity) })),
      element(
        "th",
        { attributes: { scope: "row" } },
        linkButton(title, () => this.pick(check), "problem-kind"),
      ),
      element("td", { text: count(rows) }),
      element("td", { text: count(problems) }),
      element("td", {}, about),
    );
  }
}

export const SEVERITY_ORDER: readonly ReportSeverity[] = ["error", "warning", "information"];

export function bySeverity(problems: readonly ReportedProblem[]): ReportedProblem[] {
  return [...problems].sort(
    (a, b) => SEVERITY_ORDER.indexOf(a.severity) - SEVERITY_ORDER.indexOf(b.severity) || b.rows - a.rows,
  );
}

export function severityIcon(severity: ReportSeverity): HTMLElement {
  return icon(severity === "information" ? "info" : severity, `severity-${severity}`);
}

export function severityName(severity: ReportSeverity): string {
  if (severity === "error") return t("Error");
  return severity === "warning" ? t("Warning") : t("Information");
}
