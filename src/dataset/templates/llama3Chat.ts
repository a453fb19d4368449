import type { ChatMessage } from "../sample";
import type { SpecialToken, SpecialTokens } from "../specialTokens";
import { conversation } from "./conversation";
import { control, joinInput, learned, plain, type Segment, type Template } from "./template";

const START = "<|start_header_id|>";
const END = "<|end_header_id|>";
const TURN_END = "<|eot_id|>";

/** Llama 3's chat format. Message texts are trimmed, as its own template does. */
export const llama3Chat: Template = {
  id: "llama3-chat",
  name: "Llama 3 chat",
  shapes: ["chat", "instruction"],
  needs: [START, END, TURN_END],
  render: (sample, special) => conversation(sample).flatMap((message) => turn(message, special)),
  prompt: (instruction, input, special) => [
    ...turn({ role: "user", content: joinInput(instruction, input) }, special),
    ...header("assistant", special),
  ],
  end: (special) => token(TURN_END, special),
};

function turn({ role, content, unlearned }: ChatMessage, special: SpecialTokens): Segment[] {
  const answer = role === "assistant" && !unlearned;
  const text = content.trim();
  // Llama 3.1 calls a tool's result by this name.
  return [
    ...header(role === "tool" ? "ipython" : role, special),
    answer ? learned(text) : plain(text),
    control(token(TURN_END, special), answer),
  ];
}

function header(role: string, special: SpecialTokens): Segment[] {
  return [control(token(START, special), false), plain(role), control(token(END, special), false), plain("\n\n")];
}

function token(text: string, special: SpecialTokens): SpecialToken {
  const found = special.find(text);
  if (found === null) throw new Error(`The tokenizer has no ${text}.`);
  return found;
}
