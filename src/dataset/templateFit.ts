/** Whether a data set fits the base model: signs in a row that it was written for another family's template. */

import type { TextPart } from "./checks/textPart";
import { fieldName } from "./formats/fields";
import type { RowProblem } from "./problem";
import type { SpecialTokens } from "./specialTokens";
import type { Template } from "./templates/template";

/** Each is said once of a file. */
export type Misfit = "plain-chat" | "foreign-end" | "own-marks";

/** Tokens that end an answer, in the spellings of the families. */
const END_TOKENS = [
  "</s>",
  "<|im_end|>",
  "<|eot_id|>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<|end|>",
  "<|return|>",
  "<end_of_turn>",
  "<eos>",
  "<｜end▁of▁sentence｜>",
];

/** Marks that templates put into a prompt. */
const PROMPT_MARKS =
  /<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|\[INST\]|<<SYS>>|^### (?:Response|Assistant):/m;

/** `parts`: the row's texts. */
export function misfits(
  parts: readonly TextPart[],
  template: Template,
  special: SpecialTokens,
): ReadonlyMap<Misfit, RowProblem> {
  const found = new Map<Misfit, RowProblem>();
  if (template.id === "plain-chat") found.set("plain-chat", PLAIN_CHAT);
  const end = foreignEnd(parts, template, special);
  if (end) found.set("foreign-end", end);
  const marks = ownMarks(parts, template, special);
  if (marks) found.set("own-marks", marks);
  return found;
}

const PLAIN_CHAT: RowProblem = {
  check: "template-mismatch",
  message:
    "This model has no chat tokens, so conversations are put to it as plain text (### User:, ### Assistant:): that is right for a base model; for a chat model name the folder of its own tokenizer.",
  path: [],
};

function foreignEnd(parts: readonly TextPart[], template: Template, special: SpecialTokens): RowProblem | null {
  const answer = parts.findLast(({ role }) => role === "answer");
  if (!answer) return null;
  const text = answer.text.trimEnd();
  const token = END_TOKENS.find((candidate) => text.endsWith(candidate));
  const own = template.end(special).text;
  if (token === undefined || token === own) return null;
  const known = special.find(token) === null ? "which this model's tokenizer does not have" : "which is not its end";
  return {
    check: "template-mismatch",
    message: `"${fieldName(answer.path)}" ends with "${token}", ${known}: remove it from the rows; "${own}" is added in training.`,
    path: answer.path,
    range: { start: text.length - token.length, end: text.length },
  };
}

function ownMarks(parts: readonly TextPart[], template: Template, special: SpecialTokens): RowProblem | null {
  for (const { text, role, path } of parts) {
    if (role === "answer") continue;
    const match = PROMPT_MARKS.exec(text);
    if (match === null) continue;
    const mark = match[0];
    const verbatim = template.id === "prompt-completion";
    // Taken verbatim, a template in plain words is the data set's own; control tokens of the model are not plain words.
    if (verbatim && (!mark.startsWith("<") || special.find(mark) !== null)) continue;
    const why = verbatim
      ? "which this model's tokenizer does not have"
      : `and the template ${template.name} adds its own`;
    return {
      check: "template-mismatch",
      message: `"${fieldName(path)}" is written with "${mark}", ${why}: use rows without a template, or a model that was trained with this one.`,
      path,
      range: { start: match.index, end: match.index + mark.length },
    };
  }
  return null;
}
