import type { TextCheck } from "../textPart";
import { findMojibake } from "./mojibake";
import { codePointName, problemAt } from "./problemAt";

/** C0 without tab, line feed and carriage return; DEL; C1. */
const control = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;

const names: Readonly<Record<number, string>> = {
  0: "null",
  7: "bell",
  8: "backspace",
  11: "vertical tab",
  12: "form feed",
  27: "escape",
  127: "delete",
};

/** `"\frac"` and `"\begin"` with one backslash too few. */
const jsonEscapes: Readonly<Record<number, string>> = { 8: "\\b", 12: "\\f" };

/** Characters that no one types: remains of terminals, binary files and wrong encodings. */
export const controlCharacter: TextCheck = (part) => {
  const start = part.text.search(control);
  if (start < 0) return [];
  const code = part.text.charCodeAt(start);
  // Half of a mojibake is often a C1 character: that check says more.
  if (code >= 0x80 && findMojibake(part.text) !== null) return [];
  const jsonEscape = jsonEscapes[code];
  const origin = jsonEscape === undefined ? "" : `, which ${jsonEscape} in JSON stands for`;
  const name = names[code] === undefined ? codePointName(code) : `${codePointName(code)} (${names[code]})`;
  return [
    problemAt(
      part,
      "control-character",
      start,
      start + 1,
      `holds the control character ${name}${origin}: ${jsonEscape === undefined ? "remove or replace it" : `remove it, or write \\${jsonEscape} for a backslash`}.`,
    ),
  ];
};
