import type { TextCheck } from "../textPart";
import { problemAt } from "./problemAt";

const marker = /\[\/?INST\]|<<\/?SYS>>|^#{2,3} ?(?:Response|Instruction|Human|Assistant|User|System):/m;
const human = /^(?:Human|HUMAN|USER):/m;
const assistant = /^(?:Assistant|ASSISTANT):/m;

/** Marks of a prompt template within a text: two rows run into one, or a data set rendered before. */
export const templateMarker: TextCheck = (part) => {
  const match = marker.exec(part.text) ?? dialogue(part.text);
  if (match === null) return [];
  const what = `holds "${match[0]}", a mark of a prompt template: keep the bare text; the template is added in training.`;
  return [problemAt(part, "template-marker", match.index, match.index + match[0].length, what)];
};

/** The names of both speakers at the start of lines; one of them alone is an ordinary label. */
function dialogue(text: string): RegExpExecArray | null {
  const first = human.exec(text);
  const second = first === null ? null : assistant.exec(text);
  if (first === null || second === null) return null;
  return first.index < second.index ? first : second;
}
