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
export const commands: readonly RegisteredCommand[] = [];
