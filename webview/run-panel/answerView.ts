import { element, icon } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { wordDiff } from "./wordDiff";

/** An answer as it is. */
export function plainAnswer(text: string): Node[] {
  return text === "" ? [element("span", { class: "quiet", text: t("(nothing)") })] : [document.createTextNode(text)];
}

/** An answer with what is not in the base model's marked, and what only that has struck out. */
export function comparedAnswer(base: string, text: string): Node[] {
  return wordDiff(base, text).map((part) => {
    if (part.kind === "same") return document.createTextNode(part.text);
    return element(part.kind === "added" ? "ins" : "del", { text: part.text });
  });
}

/** "43 tokens · ended by itself" */
export function answerEnd(tokens: number, ended: boolean): HTMLElement {
  const how = ended ? t("ended by itself") : t("cut at the limit");
  return element(
    "span",
    { class: "quiet answer-end", attributes: { "data-ended": String(ended) } },
    icon(ended ? "check" : "debug-step-over"),
    element("span", { text: `${t("{0} tokens", count(tokens))} · ${how}` }),
  );
}

/** One click away: what the model is given, to the letter. */
export function renderedPrompt(text: string): HTMLDetailsElement {
  return element(
    "details",
    { class: "rendered-prompt" },
    element("summary", { text: t("Rendered prompt") }),
    element("pre", { class: "answer", text, testId: "rendered-prompt" }),
  );
}
