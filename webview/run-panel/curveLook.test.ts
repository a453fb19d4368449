import { expect, it } from "vitest";
import { curveLook, SUITABLE } from "./curveLook";

it.each([
  [undefined, { smoothing: SUITABLE, logarithmic: false }],
  [
    { smoothing: 0, logarithmic: true },
    { smoothing: 0, logarithmic: true },
  ],
  [{ smoothing: 99 }, { smoothing: SUITABLE, logarithmic: false }],
  [
    { smoothing: Number.NaN, logarithmic: true },
    { smoothing: SUITABLE, logarithmic: true },
  ],
])("of %j is taken what can be used", (kept, look) => {
  expect(curveLook(kept)).toEqual(look);
});
