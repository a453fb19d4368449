/** What the page's forecast may ask for, as valibot checks it. */
import * as v from "valibot";
import { settingChanges } from "../../run/fixes";

export const fromForecast = [
  v.object({ type: v.literal("forecastAgain") }),
  v.object({ type: v.literal("measure") }),
  v.object({ type: v.literal("cancelMeasure") }),
  v.object({ type: v.literal("changeSettings"), changes: settingChanges }),
] as const;
