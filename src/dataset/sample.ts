/** What a row says, whatever its format: formats read rows into samples, templates render samples. */

export type ChatRole = "system" | "user" | "assistant" | "tool";

export interface ChatMessage {
  role: ChatRole;
  content: string;
  /** Set on an answer that is shown to the model but not learned. */
  unlearned?: true;
}

export interface InstructionSample {
  shape: "instruction";
  /** Empty where there is none. */
  system: string;
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

export interface FimSample {
  shape: "fim";
  prefix: string;
  suffix: string;
  middle: string;
}

export type Sample = InstructionSample | CompletionSample | ChatSample | FimSample;
export type SampleShape = Sample["shape"];
