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
  const parts = wordDiff(base, text);
  return parts.flatMap((part, index): Node[] => {
    if (part.kind === "same") return [document.createTextNode(part.text)];
    if (part.kind === "added") return [element("ins", { text: part.text })];
    // Several lines struck out end before what stands in their place.
    const breaks = part.text.includes("\n") && !part.text.endsWith("\n") && parts[index + 1]?.kind === "added";
    return [element("del", { text: part.text }), ...(breaks ? [document.createTextNode("\n")] : [])];
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
