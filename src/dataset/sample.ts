/** What a row says, whatever its format: formats read rows into samples, templates render samples. */

export type ChatRole = "system" | "user" | "assistant";

export interface ChatMessage {
  role: ChatRole;
  content: string;
}

export interface InstructionSample {
  shape: "instruction";
  instruction: string;
  /** Empty where there is none. */
  input: string;
  answer: string;
}

export interface CompletionSample {
  shape: "completion";
  prompt: string;
  completion: string;
}

export interface ChatSample {
  shape: "chat";
  messages: ChatMessage[];
}

export type Sample = InstructionSample | CompletionSample | ChatSample;
export type SampleShape = Sample["shape"];
