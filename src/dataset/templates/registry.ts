import type { TemplateId } from "../../protocol/run";
import { DatasetError } from "../problem";
import type { SampleShape } from "../sample";
import type { SpecialTokens } from "../specialTokens";
import { alpaca } from "./alpaca";
import { fillInTheMiddle } from "./fillInTheMiddle";
import { llama3Chat } from "./llama3Chat";
import { plainChat } from "./plainChat";
import { promptCompletion } from "./promptCompletion";
import type { Template } from "./template";

/** `auto` takes the first that fits the samples and the tokenizer. */
export const templates: readonly Template[] = [alpaca, promptCompletion, llama3Chat, plainChat, fillInTheMiddle];

export function templateById(id: TemplateId): Template {
  const template = templates.find((candidate) => candidate.id === id);
  if (template === undefined) {
    throw new DatasetError(
      `There is no template "${id}": choose one of ${templates.map((known) => known.id).join(", ")}, or auto.`,
    );
  }
  return template;
}

/** `beside`: shapes that it is to show as well, where there is such a template. */
export function chooseTemplate(
  id: TemplateId | "auto",
  shape: SampleShape,
  special: SpecialTokens,
  beside: readonly SampleShape[] = [],
): Template {
  const fitting = templates.filter((template) => template.shapes.includes(shape));
  if (id === "auto") {
    const forAll = fitting.filter((template) => beside.every((other) => template.shapes.includes(other)));
    const found = [...forAll, ...fitting].find((template) => missingTokens(template, special).length === 0);
    if (found !== undefined) return found;
    throw new DatasetError(
      `Rows of this format need ${missingTokens(fitting[0]!, special).join(", ")}, which the model's tokenizer does not have: choose another model or convert the data set.`,
    );
  }
  const template = templateById(id);
  if (!fitting.includes(template)) {
    throw new DatasetError(
      `The template "${id}" cannot show rows of this format: choose ${fitting.map((known) => known.id).join(", ")}, or auto.`,
    );
  }
  const missing = missingTokens(template, special);
  if (missing.length > 0) {
    throw new DatasetError(
      `The template "${id}" needs ${missing.join(", ")}, which the model's tokenizer does not have: choose another template, or auto.`,
    );
  }
  return template;
}

function missingTokens(template: Template, special: SpecialTokens): string[] {
  const missing = template.needs.filter((text) => special.find(text) === null);
  return template.needsFim && special.fim === null ? [...missing, "tokens for filling in the middle"] : missing;
}
