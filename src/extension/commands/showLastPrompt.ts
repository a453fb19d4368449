import type { CommandFactory } from "./command";

export const showLastPrompt: CommandFactory =
  ({ promptDocument }) =>
  () =>
    promptDocument.open();
