import type { CommandFactory } from "./command";

export const clearRunSearch: CommandFactory = (services) => async () => services.runSearch.set("");
