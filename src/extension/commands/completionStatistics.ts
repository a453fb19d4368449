import type { CommandFactory } from "./command";

export const completionStatistics: CommandFactory =
  ({ statisticsDocuments }) =>
  () =>
    statisticsDocuments.open();
