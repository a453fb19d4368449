import type { TextCheck } from "../textPart";
import { findAccountNumbers } from "./accountNumbers";
import { findEmails } from "./emails";
import { findPhoneNumbers } from "./phoneNumbers";
import { problemAt } from "./problemAt";

const maximum = 5;

export interface PersonalDatum {
  /** With its article. */
  name: string;
  start: number;
  end: number;
}

/** Addresses and numbers that could be someone's; those made up for examples are left alone. */
export const personalData: TextCheck = (part) =>
  [...findEmails(part.text), ...findPhoneNumbers(part.text), ...findAccountNumbers(part.text)]
    .sort((left, right) => left.start - right.start)
    .slice(0, maximum)
    .map(({ name, start, end }) =>
      problemAt(
        part,
        "personal-data",
        start,
        end,
        `holds ${name}: if it is a person's, replace it with a made-up one.`,
      ),
    );
