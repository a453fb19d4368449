import type { ChatMessage, Sample } from "../sample";
import { joinInput } from "./template";

/** Any sample as a conversation, for the chat templates. */
export function conversation(sample: Sample): ChatMessage[] {
  switch (sample.shape) {
    case "chat":
      return sample.messages;
    case "instruction":
      return [
        ...(sample.system === "" ? [] : [{ role: "system" as const, content: sample.system }]),
        { role: "user", content: joinInput(sample.instruction, sample.input) },
        { role: "assistant", content: sample.answer },
      ];
    case "completion":
      return [
        { role: "user", content: sample.prompt },
        { role: "assistant", content: sample.completion },
      ];
    case "fim":
      return [
        { role: "user", content: sample.prefix },
        { role: "assistant", content: sample.middle },
      ];
  }
}
