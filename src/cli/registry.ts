import type { Command } from "./command";

/** What the overview needs without loading the command: its modules may hold native code. */
export interface RegisteredCommand {
  name: readonly string[];
  summary: string;
  load(): Promise<Command>;
}

const entry = (words: string, summary: string, load: () => Promise<{ command: Command }>): RegisteredCommand => ({
  name: words.split(" "),
  summary,
  load: async () => (await load()).command,
});

/** Every subcommand of `tunesmith`, in the overview's order. */
export const commands: readonly RegisteredCommand[] = [
  entry("export", "Export a run's model to ONNX and compare it with the engine", () => import("./commands/export")),
  entry("evaluate", "Loss of an exported model on a run's held-out rows", () => import("./commands/evaluate")),
  entry("complete", "Complete Python, or answer an instruction", () => import("./commands/complete")),
];
