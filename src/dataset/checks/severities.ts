import { type CheckId, checks, isCheckId, type Severity } from "./table";

/** What each check counts as: the table's severity, or what the user has set. */

export const SEVERITIES: readonly Severity[] = ["error", "warning", "information"];

export type SeveritySetting = Severity | "off";

export class Severities {
  private readonly overrides = new Map<CheckId, SeveritySetting>();

  /** `settings`: check → severity; entries that are neither are left to the table. */
  constructor(settings: Readonly<Record<string, unknown>> = {}) {
    for (const [check, severity] of Object.entries(settings)) {
      if (isCheckId(check) && isSeveritySetting(severity)) this.overrides.set(check, severity);
    }
  }

  /** Null: the check is off. */
  of(check: CheckId): Severity | null {
    const severity = this.overrides.get(check) ?? checks[check].severity;
    return severity === "off" ? null : severity;
  }
}

export function isSeveritySetting(value: unknown): value is SeveritySetting {
  return value === "off" || SEVERITIES.includes(value as Severity);
}
