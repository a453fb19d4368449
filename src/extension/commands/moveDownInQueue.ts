import { moveInQueue } from "../runs/moveInQueue";
import type { CommandFactory } from "./command";

export const moveDownInQueue: CommandFactory = (services) => (argument) => moveInQueue(services, argument, 1);
