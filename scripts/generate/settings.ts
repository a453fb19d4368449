/** The settings that are made from the tables of checks and formats. */

import { checkIds, checks } from "../../src/dataset/checks/table";
import { formats } from "../../src/dataset/formats/registry";

const SEVERITY_NAMES = ["error", "warning", "information", "off"];

/** The properties of package.json's configuration. */
export function generatedSettings(): Record<string, object> {
  return { "tunesmith.checks": checkSettings(), "tunesmith.dataSets": dataSetSettings() };
}

/** The texts that these settings refer to in package.nls.json. */
export function generatedTexts(): Record<string, string> {
  return Object.fromEntries(checkIds.map((id) => [`check.${id}`, checks[id].title]));
}

function checkSettings(): object {
  return {
    type: "object",
    default: {},
    scope: "resource",
    order: 10,
    markdownDescription: "%setting.checks%",
    additionalProperties: false,
    properties: Object.fromEntries(
      checkIds.map((id) => [
        id,
        { type: "string", enum: SEVERITY_NAMES, default: checks[id].severity, description: `%check.${id}%` },
      ]),
    ),
  };
}

function dataSetSettings(): object {
  const parts = [...new Set(formats.flatMap((format) => format.parts.map(({ name }) => name)))];
  return {
    type: "object",
    default: {},
    scope: "resource",
    order: 11,
    markdownDescription: "%setting.dataSets%",
    additionalProperties: {
      type: "object",
      additionalProperties: false,
      properties: {
        format: {
          type: "string",
          enum: formats.map(({ id }) => id),
          enumDescriptions: formats.map(({ name, example }) => `${name}: ${example}`),
          description: "%setting.dataSets.format%",
        },
        fields: {
          type: "object",
          description: "%setting.dataSets.fields%",
          additionalProperties: false,
          properties: Object.fromEntries(parts.map((name) => [name, { type: "string" }])),
        },
        heldOut: { type: "string", description: "%setting.dataSets.heldOut%" },
      },
    },
  };
}
