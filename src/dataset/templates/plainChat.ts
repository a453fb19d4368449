import type { ChatMessage, ChatRole } from "../sample";
import type { SpecialTokens } from "../specialTokens";
import { conversation } from "./conversation";
import { control, joinInput, learned, plain, type Segment, type Template } from "./template";

const headings: Record<ChatRole, string> = {
  system: "### System:\n",
  user: "### User:\n",
  assistant: "### Assistant:\n",
  tool: "### Tool:\n",
};

/** For tokenizers without chat tokens: headings in plain text, the end token after each answer. */
export const plainChat: Template = {
  id: "plain-chat",
  name: "Plain chat",
  shapes: ["chat", "instruction"],
  needs: [],
  render: (sample, special) => conversation(sample).flatMap((message) => turn(message, special)),
  prompt: (instruction, input, special) => [
    ...turn({ role: "user", content: joinInput(instruction, input) }, special),
    plain(headings.assistant),
  ],
  end: (special) => special.end,
};

function turn({ role, content, unlearned }: ChatMessage, special: SpecialTokens): Segment[] {
  if (role !== "assistant") return [plain(`${headings[role]}${content}\n\n`)];
  if (unlearned) return [plain(`${headings.assistant}${content}`), control(special.end, false)];
  return [plain(headings.assistant), learned(content), control(special.end, true)];
}
