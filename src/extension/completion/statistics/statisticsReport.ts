import * as vscode from "vscode";
import { count } from "../../figures";
import { type ComparisonResult, SIGNIFICANCE } from "../comparison/comparisonResult";
import { escapeMarkdown, table } from "./markdownTable";
import type { Percentiles } from "./percentiles";
import { KEPT_SIMILARITY, type ModelFigures } from "./summary";

/** Models side by side; those used longer ago stand in tables of their own below. */
const COLUMNS = 4;

interface Figure {
  label: string;
  value(figures: ModelFigures): string;
  /** How it is obtained. */
  how: string;
}

/** The statistics of all models as Markdown. */
export function statisticsReport(models: readonly ModelFigures[], leftOut: number): string {
  const lines = [`# ${vscode.l10n.t("Completion statistics")}`, "", intro(), ""];
  if (models.length === 0) {
    lines.push(
      vscode.l10n.t("Nothing has been completed yet. Use a tuned model for completion and type in a Python file."),
    );
  }
  for (let start = 0; start < models.length; start += COLUMNS) {
    const shown = models.slice(start, start + COLUMNS);
    const head = ["", ...shown.map(modelHead), ...(start === 0 ? [vscode.l10n.t("How it is obtained")] : [])];
    const rows = figures().map(({ label, value, how }) => [label, ...shown.map(value), ...(start === 0 ? [how] : [])]);
    lines.push(table(head, rows), "");
  }
  if (leftOut > 0) lines.push(vscode.l10n.t("{0} lines or files could not be read and are left out.", count(leftOut)));
  return `${lines.join("\n")}\n`;
}

function intro(): string {
  return vscode.l10n.t(
    "Written down on this machine only, as figures without any code. The setting `tunesmith.completion.statistics` turns it off; *Clear Completion Statistics* removes all of it.",
  );
}

/** Runs may have the same name, so the beginning of the export's digest is given too. */
function modelHead({ name, model, last }: ModelFigures): string {
  const day = new Date(last).toISOString().slice(0, 10);
  return `${escapeMarkdown(name)} <br> ${vscode.l10n.t("{0}, last used {1}", escapeMarkdown(model.slice(0, 7)), day)}`;
}

function figures(): Figure[] {
  return [
    {
      label: vscode.l10n.t("Shown"),
      value: ({ shown }) => count(shown),
      how: vscode.l10n.t(
        "Suggestions handed to VS Code, each once however far it is typed along; VS Code does not tell which of them it has drawn.",
      ),
    },
    {
      label: vscode.l10n.t("Accepted"),
      value: ({ accepted, shown }) => share(accepted, shown),
      how: vscode.l10n.t("Of those shown, taken as a whole or in part."),
    },
    {
      label: vscode.l10n.t("… as a whole"),
      value: ({ whole, shown }) => share(whole, shown),
      how: vscode.l10n.t("VS Code runs the suggestion's command when all that is left of it is taken."),
    },
    {
      label: vscode.l10n.t("… by the word"),
      value: ({ byWord, shown }) => share(byWord, shown),
      how: vscode.l10n.t(
        "Concluded: an edit has put in two or more characters that the suggestion begins with. Pasting the same text looks alike.",
      ),
    },
    {
      label: vscode.l10n.t("… by the line"),
      value: ({ byLine, shown }) => share(byLine, shown),
      how: vscode.l10n.t("Concluded in the same way, where the edit ends with a line's end."),
    },
    {
      label: vscode.l10n.t("Characters accepted"),
      value: ({ acceptedCharacters, shownCharacters }) => share(acceptedCharacters, shownCharacters),
      how: vscode.l10n.t("Of all characters shown."),
    },
    {
      label: vscode.l10n.t("Kept after 30 s"),
      value: ({ kept, judged }) => share(kept, judged),
      how: vscode.l10n.t(
        "Of those accepted and looked at again after 30 s, after a reload that came before, or when the file was closed: the text there is still at least {0} % alike.",
        KEPT_SIMILARITY * 100,
      ),
    },
    {
      label: vscode.l10n.t("Not looked at again"),
      value: ({ judged, accepted }) => share(accepted - judged, accepted),
      how: vscode.l10n.t(
        "Of those accepted, less than 30 s ago or before the window was closed, where the text was then no longer found. Counted neither as kept nor as lost.",
      ),
    },
    {
      label: vscode.l10n.t("Likeness after 30 s"),
      value: ({ similarity }) => (similarity === null ? "–" : percentText(similarity)),
      how: vscode.l10n.t(
        "Mean edit similarity of the same: one less the share of characters that were put in, taken out or replaced.",
      ),
    },
    {
      label: vscode.l10n.t("First token, median · 95 %"),
      value: ({ firstToken }) => latency(firstToken),
      how: vscode.l10n.t(
        "Measured by the worker, from the request on; only suggestions that were computed when asked for.",
      ),
    },
    {
      label: vscode.l10n.t("Whole suggestion, median · 95 %"),
      value: ({ total }) => latency(total),
      how: vscode.l10n.t("Measured from the request to the last token, of the same suggestions."),
    },
  ];
}

/** A comparison of two models as Markdown. */
export function comparisonReport(result: ComparisonResult): string {
  const { models, figures: found, chance } = result;
  const begun = new Date(result.begun).toISOString().replace("T", " ").slice(0, 16);
  const of = (value: (figures: ModelFigures) => string) => found.map((one) => (one === null ? "–" : value(one)));
  const head = ["", ...models.map(({ name }) => escapeMarkdown(name)), vscode.l10n.t("Difference")];
  const rows = [
    [vscode.l10n.t("Shown"), ...of(({ shown }) => count(shown)), verdict(chance.shown)],
    [vscode.l10n.t("Accepted"), ...of(({ accepted, shown }) => share(accepted, shown)), verdict(chance.accepted)],
    [vscode.l10n.t("Kept after 30 s"), ...of(({ kept, judged }) => share(kept, judged)), verdict(chance.kept)],
    [vscode.l10n.t("Whole suggestion, median · 95 %"), ...of(({ total }) => latency(total)), verdict(chance.latency)],
  ];
  return [
    `# ${vscode.l10n.t("{0} against {1}", ...models.map(({ name }) => escapeMarkdown(name)))}`,
    "",
    vscode.l10n.t(
      "Begun {0} (UTC). The models took turns, one completion each, and which of them had answered was not shown.",
      begun,
    ),
    "",
    table(head, rows),
    "",
    vscode.l10n.t(
      "p is the probability of a difference as large where the models are alike: an exact binomial test for what was shown, Fisher's exact test for what was accepted and kept, the median test for times. Below {0} it is larger than chance. What is accepted shortly before the end may not have been looked at again yet.",
      SIGNIFICANCE,
    ),
    "",
  ].join("\n");
}

function verdict(p: number | null): string {
  if (p === null) return vscode.l10n.t("too few cases");
  const value = p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
  return p < SIGNIFICANCE
    ? vscode.l10n.t("larger than chance ({0})", value)
    : vscode.l10n.t("may be chance ({0})", value);
}

function share(part: number, whole: number): string {
  return whole === 0 ? "–" : `${percentText(part / whole)} (${count(part)} / ${count(whole)})`;
}

function percentText(part: number): string {
  return `${(part * 100).toFixed(part > 0 && part < 0.1 ? 1 : 0)} %`;
}

function latency(measured: Percentiles | null): string {
  return measured === null ? "–" : `${count(measured.p50)} · ${count(measured.p95)} ms (${count(measured.of)})`;
}
