import type { ChatMessage, Sample } from "../sample";
import { joinInput } from "./template";

/** Any sample as a conversation, for the chat templates. */
export function conversation(sample: Sample): ChatMessage[] {
  switch (sample.shape) {
    case "chat":
      return sample.messages;
    case "instruction":
      return [
        { role: "user", content: joinInput(sample.instruction, sample.input) },
        { role: "assistant", content: sample.answer },
      ];
    case "completion":
      return [
        { role: "user", content: sample.prompt },
        { role: "assistant", content: sample.completion },
      ];
  }
}
