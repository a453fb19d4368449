/** Says what is wrong where the parser stopped: the words, and how much of the text they are about. */

export interface Finding {
  /** 0 at the end of the text. */
  length: number;
  message: string;
}

/** Where a value was expected. */
export type Place = { kind: "root" } | { kind: "member"; key: string } | { kind: "item"; index: number };

const WORD = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const NUMBER_RUN = /[-+]?(?:[eE][-+]|[.\w])*/y;
const LONGEST_NAME = 40;

/** How other languages write what JSON writes differently. */
const FOREIGN_WORDS: Record<string, string> = {
  True: "Python's True is written true in JSON",
  False: "Python's False is written false in JSON",
  None: "Python's None is written null in JSON",
  NaN: "NaN is not JSON: use a number or null",
  nan: "nan is not JSON: use a number or null",
  Infinity: "Infinity is not JSON: use a number or null",
  inf: "inf is not JSON: use a number or null",
  undefined: "undefined is not JSON: use null or leave the key out",
};

/** A name in quotes, cut where it is long. */
export function quoted(name: string): string {
  const characters = Array.from(name.slice(0, LONGEST_NAME * 2));
  const cut = characters.length > LONGEST_NAME ? `${characters.slice(0, LONGEST_NAME).join("")}…` : name;
  return JSON.stringify(cut);
}

export function describeWrongValue(text: string, at: number, place: Place): Finding {
  const expected = expectedValue(place);
  if (at >= text.length) return { length: 0, message: `${expected}, but the row ${emptyOrEnds(place)}` };
  const foreign = foreignSyntax(text, at, "Text");
  if (foreign) return foreign;
  const char = text[at]!;
  if (char === "," || char === "}" || char === "]") {
    return { length: 1, message: `${expected} before this ${char === "," ? "comma" : `"${char}"`}` };
  }
  if (char === "+" || char === ".") return describeNumber(text, at);
  const word = wordAt(text, at);
  if (word) return { length: word.length, message: describeWord(word) };
  return { length: shownLength(text, at), message: `${expected}, found ${shown(text, at)}` };
}

function emptyOrEnds(place: Place): string {
  return place.kind === "root" ? "is empty" : "ends here";
}

function expectedValue(place: Place): string {
  switch (place.kind) {
    case "root":
      return "Expected a JSON value";
    case "member":
      return `Expected a value for ${quoted(place.key)}`;
    case "item":
      return place.index === 1 ? 'Expected a value or "]"' : `Expected item ${place.index}`;
  }
}

function describeWord(word: string): string {
  const foreign = Object.hasOwn(FOREIGN_WORDS, word) ? FOREIGN_WORDS[word] : undefined;
  if (foreign) return foreign;
  const lower = word.toLowerCase();
  for (const known of ["true", "false", "null"]) {
    if (lower === known || (known.startsWith(lower) && word.length > 1))
      return `${quoted(word)} is not a JSON value: expected ${known}`;
  }
  return `Text must stand in double quotes: ${quoted(word)} has none`;
}

export function describeWrongKey(text: string, at: number, afterComma: boolean): Finding {
  const expected = afterComma ? "Expected another key in double quotes" : 'Expected a key in double quotes or "}"';
  if (at >= text.length) return { length: 0, message: `${expected}, but the row ends here` };
  const foreign = foreignSyntax(text, at, "A key");
  if (foreign) return foreign;
  const char = text[at]!;
  if (char === ",") return { length: 1, message: `${expected} before this comma` };
  const word = wordAt(text, at);
  if (word) return { length: word.length, message: `The key ${quoted(word)} must stand in double quotes` };
  return { length: shownLength(text, at), message: `${expected}, found ${shown(text, at)}` };
}

/** `closer` ends the container; `last` names the value before; `touches`: that value is a string that ended right here. */
export function describeAfterValue(text: string, at: number, closer: string, last: string, touches: boolean): Finding {
  const expected = `Expected a comma or "${closer}" after ${last}`;
  if (at >= text.length) return { length: 0, message: `${expected}, but the row ends here` };
  const comment = commentAt(text, at);
  if (comment) return comment;
  const char = text[at]!;
  if (char === "}" || char === "]") return { length: 1, message: `${expected}, found "${char}"` };
  if (char === '"') {
    return { length: 1, message: touches ? `${expected}: a quote inside a string must be written as \\"` : expected };
  }
  const length = wordAt(text, at)?.length ?? shownLength(text, at);
  const hint = touches ? ': a quote inside a string must be written as \\"' : "";
  return { length, message: expected + hint };
}

export function describeAfterRoot(text: string, at: number, touches: boolean): Finding {
  const comment = commentAt(text, at);
  if (comment) return comment;
  const char = text[at]!;
  if (char === ",")
    return { length: 1, message: "Remove the comma after this row: rows are separated by line breaks alone" };
  if (char === "{" || char === "[")
    return { length: 1, message: "A second value starts here: each row needs a line of its own" };
  if (char === "}" || char === "]") return { length: 1, message: `Remove this "${char}": nothing is open here` };
  const hint = touches ? ': a quote inside a string must be written as \\"' : "";
  return { length: shownLength(text, at), message: `Expected the end of the row, found ${shown(text, at)}${hint}` };
}

/** `at` is at a sign, a digit or a point that does not begin a valid number. */
export function describeNumber(text: string, at: number): Finding {
  NUMBER_RUN.lastIndex = at;
  const run = NUMBER_RUN.exec(text)?.[0] ?? text[at]!;
  return { length: run.length, message: numberFault(run) };
}

function numberFault(run: string): string {
  const body = run.replace(/^[-+]/, "");
  if (body === "Infinity" || body === "NaN" || body === "inf" || body === "nan") {
    return `${run} is not JSON: use a number or null`;
  }
  if (run.startsWith("+")) return 'A number must not start with "+"';
  if (body === "" || body === "-") return "A minus sign must be followed by a digit";
  if (/^0[xXoObB]/.test(body)) return "A number must be written in decimal";
  if (/^0[0-9]/.test(body)) return "A number must not start with 0";
  if (body.startsWith(".")) return "A number needs a digit before the decimal point";
  if (/^[0-9]+\.(?![0-9])/.test(body)) return "A number needs a digit after the decimal point";
  if (/^[0-9]+(\.[0-9]+)?[eE][-+]?$/.test(body)) return "A number needs a digit after the exponent's e";
  return `${quoted(run)} is not a JSON number`;
}

/** Syntax that other JSON dialects have: comments, single quotes, back quotes, odd blanks. `what` must be quoted. */
function foreignSyntax(text: string, at: number, what: string): Finding | null {
  const comment = commentAt(text, at);
  if (comment) return comment;
  const char = text[at]!;
  if (char === "'" || char === "`" || char === "“" || char === "”" || char === "‘") {
    const close = text.indexOf(char === "“" ? "”" : char === "‘" ? "’" : char, at + 1);
    const kind = char === "'" ? "single" : char === "`" ? "back" : "curly";
    return {
      length: close < 0 ? 1 : close + 1 - at,
      message: `${what} must stand in double quotes ("), not ${kind} ones`,
    };
  }
  if (char === "\ufeff")
    return { length: 1, message: "Remove the byte order mark: it may stand only at the file's start" };
  if (/\s/.test(char)) return { length: 1, message: `Replace the character ${shown(text, at)} by an ordinary space` };
  return null;
}

function commentAt(text: string, at: number): Finding | null {
  if (text.startsWith("//", at) || text[at] === "#") {
    return { length: text.length - at, message: "JSON has no comments: remove this one" };
  }
  if (!text.startsWith("/*", at)) return null;
  const close = text.indexOf("*/", at + 2);
  return { length: (close < 0 ? text.length : close + 2) - at, message: "JSON has no comments: remove this one" };
}

function wordAt(text: string, at: number): string | null {
  WORD.lastIndex = at;
  return WORD.exec(text)?.[0] ?? null;
}

/** A character as a message shows it: by its code where it cannot be seen. */
function shown(text: string, at: number): string {
  const code = text.codePointAt(at)!;
  const char = String.fromCodePoint(code);
  if (/[\p{Z}\p{C}]/u.test(char)) return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return char === '"' ? "a double quote" : `"${char}"`;
}

function shownLength(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}
