import { pickDataset } from "../datasets/pickDataset";
import type { CommandFactory } from "./command";

export const openDatasetView: CommandFactory = (services) => async (argument) => {
  const dataset = await pickDataset(argument);
  if (dataset !== undefined) services.datasetViews.open(dataset);
};
