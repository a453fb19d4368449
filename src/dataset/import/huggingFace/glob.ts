import { matchesWildcards } from "../../../disk/wildcards";

/** Whether a path below a folder, with "/", fits a pattern of `*`, `**`, `?` and `[…]`. Takes time in proportion to both lengths multiplied. */
export function matchesGlob(path: string, pattern: string): boolean {
  const normal = pattern.replace(/^\.?\//, "");
  return matchesWildcards(normal.split("/"), path.split("/"), (part) => part === "**", matchesName);
}

function matchesName(pattern: string, name: string): boolean {
  return matchesWildcards(tokens(pattern), [...name], (token) => token === "*" || token === "**", matchesCharacter);
}

/** A class of characters is one token. */
function tokens(pattern: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < pattern.length; ) {
    const close = pattern[at] === "[" ? pattern.indexOf("]", at + 2) : -1;
    const end = close < 0 ? at + 1 : close + 1;
    found.push(pattern.slice(at, end));
    at = end;
  }
  return found;
}

function matchesCharacter(token: string, character: string): boolean {
  if (token === "?") return true;
  if (token.length < 3) return character === token;
  const negated = token[1] === "!" || token[1] === "^";
  const members = token.slice(negated ? 2 : 1, -1);
  let found = false;
  for (let at = 0; at < members.length; at++) {
    if (members[at + 1] === "-" && at + 2 < members.length) {
      found ||= character >= members[at]! && character <= members[at + 2]!;
      at += 2;
    } else {
      found ||= members[at] === character;
    }
  }
  return found !== negated;
}
