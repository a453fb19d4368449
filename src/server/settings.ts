/** The section `tunesmith` as the server uses it. What a client sends is checked, never trusted. */

import type { ServerSettings } from "../protocol/server";

export const DEFAULT_SETTINGS: ServerSettings = { sequenceLength: 1024, tokenizerPath: null };

/** `sent`: the section's content; whatever does not fit is taken from the defaults. */
export function readSettings(sent: unknown): ServerSettings {
  const values: Record<string, unknown> = sent !== null && typeof sent === "object" ? { ...sent } : {};
  const { sequenceLength, tokenizerPath } = values;
  return {
    sequenceLength:
      typeof sequenceLength === "number" && Number.isInteger(sequenceLength) && sequenceLength >= 0
        ? sequenceLength
        : DEFAULT_SETTINGS.sequenceLength,
    tokenizerPath: typeof tokenizerPath === "string" && tokenizerPath !== "" ? tokenizerPath : null,
  };
}
