import type { ModelAnswer } from "../../src/protocol/evaluation";
import type { ShownAnswer } from "../../src/protocol/evaluationView";
import { element, icon, linkButton, setText } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { dropdown } from "../toolkit";
import { ownParts } from "./ownParts";

type Filter = "all" | "cut" | "broken" | "better" | "worse";

const fits: Record<Filter, (answer: ShownAnswer) => boolean> = {
  all: () => true,
  cut: ({ tuned }) => !tuned.ended,
  broken: ({ tuned }) => tuned.parses === false || tuned.passed === false,
  better: ({ change }) => change > 0,
  worse: ({ change }) => change < 0,
};

const LONGEST_TITLE = 120;

export interface AnswerListActions {
  /** The list was opened for the first time. */
  load(): void;
  openRow(index: number): void;
}

/** The answers one by one, folded: the row's own, the base model's, the tuned model's. */
export class EvaluatedAnswers {
  readonly element: HTMLDetailsElement;
  readonly #heading = element("summary", { text: t("Answers") });
  readonly #filter = element("div", { class: "evaluated-filter" });
  readonly #list = element("div", { class: "evaluated-list", testId: "answer-list" });
  readonly #note = element("p", { class: "quiet", role: "status", attributes: { "aria-live": "polite" } });
  #answers: ShownAnswer[] = [];
  #titles: string[] = [];
  #loaded = false;

  constructor(private readonly actions: AnswerListActions) {
    this.element = element(
      "details",
      { class: "evaluated-answers", testId: "evaluated-answers" },
      this.#heading,
      this.#filter,
      this.#note,
      this.#list,
    );
    this.element.addEventListener("toggle", () => {
      if (!this.element.open || this.#loaded) return;
      this.#loaded = true;
      setText(this.#note, t("Loading the answers…"));
      actions.load();
    });
  }

  setCount(answers: number): void {
    setText(this.#heading, t("Answers ({0})", count(answers)));
  }

  show(answers: ShownAnswer[], total: number): void {
    this.#loaded = true;
    this.#answers = answers;
    this.#titles = ownParts(answers.map(({ prompt }) => prompt));
    const names: Record<Filter, string> = {
      all: t("All"),
      cut: t("Cut at the limit"),
      broken: t("Broken code"),
      better: t("Better than before"),
      worse: t("Worse than before"),
    };
    const choices = (Object.keys(fits) as Filter[]).map((value) => ({
      value,
      label: `${names[value]} (${answers.filter(fits[value]).length})`,
    }));
    const field = dropdown(choices, "all", () => this.#showList(field.value() as Filter, total));
    field.setAccessibleName(t("Answers to show"), false);
    this.#filter.replaceChildren(field.element);
    this.#showList("all", total);
  }

  #showList(filter: Filter, total: number): void {
    const chosen = this.#answers.filter(fits[filter]);
    const missing = total > this.#answers.length ? ` ${t("Of {0} answers, the first are shown.", count(total))}` : "";
    setText(this.#note, (chosen.length === 0 ? t("No answer is like that.") : "") + missing);
    this.#list.replaceChildren(...chosen.map((answer) => this.#entry(answer)));
  }

  #entry(answer: ShownAnswer): HTMLElement {
    const title = (this.#titles[this.#answers.indexOf(answer)] ?? "").replace(/\s+/g, " ").trim();
    const made = element(
      "details",
      { class: "evaluated-answer", testId: "evaluated-answer" },
      element(
        "summary",
        {},
        element("span", { class: "evaluated-title", text: title.slice(0, LONGEST_TITLE) || t("Row {0}", answer.row) }),
        ...marks(answer),
      ),
    );
    // Most are never looked at.
    made.addEventListener("toggle", () => made.append(...this.#content(answer)), { once: true });
    return made;
  }

  #content(answer: ShownAnswer): HTMLElement[] {
    const { base, tuned, expected, prompt, row, index } = answer;
    const column = (label: string, text: string, under: string) =>
      element(
        "div",
        { class: "evaluated-column" },
        element("h3", { text: label }),
        element("pre", {
          text: text === "" ? t("(nothing)") : text,
          attributes: { tabindex: "0", "aria-label": label },
        }),
        under === "" ? null : element("p", { class: "quiet", text: under }),
      );
    return [
      element(
        "div",
        { class: "evaluated-columns" },
        column(t("The row's answer"), expected, ""),
        column(t("Base model"), base.text, judgement(base)),
        column(t("Tuned model"), tuned.text, judgement(tuned)),
      ),
      element(
        "details",
        { class: "evaluated-prompt" },
        element("summary", { text: t("Prompt") }),
        element("pre", { text: prompt }),
      ),
      linkButton(t("Open row {0}", count(row)), () => this.actions.openRow(index), "open-evaluated-row"),
    ];
  }
}

/** Each by its sign and its words. */
function marks({ tuned, change }: ShownAnswer): HTMLElement[] {
  const mark = (kind: string, sign: string, text: string) =>
    element("span", { class: `evaluated-mark ${kind}` }, icon(sign), element("span", { text }));
  const made: HTMLElement[] = [];
  if (tuned.passed === true) made.push(mark("good", "pass", t("tests pass")));
  if (tuned.passed === false) made.push(mark("bad", "error", t("tests fail")));
  if (tuned.parses === false) made.push(mark("bad", "error", t("does not parse")));
  if (!tuned.ended) made.push(mark("bad", "warning", t("cut")));
  if (tuned.exact) made.push(mark("good", "check", t("exact")));
  else if (change > 0) made.push(mark("", "arrow-up", t("better")));
  if (change < 0) made.push(mark("", "arrow-down", t("worse")));
  return made;
}

function judgement({ ended, parses, passed, failure, similarity, tokens }: ModelAnswer): string {
  const parts = [
    t("{0} tokens", count(tokens)),
    ended ? t("ends by itself") : t("cut at the limit"),
    t("edit similarity {0}", similarity.toFixed(2)),
  ];
  if (parses !== null) parts.push(parses ? t("parses") : t("does not parse"));
  if (passed === true) parts.push(t("tests pass"));
  if (passed === false) parts.push(failure === null ? t("tests fail") : t("tests fail: {0}", failure));
  return parts.join(" · ");
}
