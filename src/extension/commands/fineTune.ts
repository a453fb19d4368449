import { pickDataset } from "../datasets/pickDataset";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const fineTune: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const dataset = await pickDataset(argument);
  if (dataset !== undefined) services.panels.openPlan(dataset);
};
