import type { Services } from "../context";

/**
 * What a command does when it is called; its arguments are whatever menus, trees and links pass: the item, and all that
 * are selected where the view lets several be.
 */
export type Command = (argument?: unknown, selection?: unknown) => Promise<void>;

/** One file a command: it is made once, with what it shares with the others. */
export type CommandFactory = (services: Services) => Command;
