import type { CurveLook } from "../../src/protocol/webview";

/** The places of the slider for smoothing, and the one that suits the run's length. */
export const SMOOTHEST = 8;
export const SUITABLE = 4;

/** What an earlier life of the page kept, as far as it can be used. */
export function curveLook(kept: { smoothing?: unknown; logarithmic?: unknown } | undefined): CurveLook {
  const { smoothing, logarithmic } = kept ?? {};
  const usable = typeof smoothing === "number" && smoothing >= 0 && smoothing <= SMOOTHEST;
  return { smoothing: usable ? smoothing : SUITABLE, logarithmic: logarithmic === true };
}
