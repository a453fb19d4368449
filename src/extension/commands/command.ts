import type { Services } from "../context";

/** What a command does when it is called; its arguments are whatever menus, trees and links pass. */
export type Command = (argument?: unknown) => Promise<void>;

/** One file a command: it is made once, with what it shares with the others. */
export type CommandFactory = (services: Services) => Command;
