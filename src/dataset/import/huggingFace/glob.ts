/** Whether a path below a folder, with "/", fits a pattern of `*`, `**`, `?` and `[…]`. Takes time in proportion to both lengths multiplied. */
export function matchesGlob(path: string, pattern: string): boolean {
  const normal = pattern.replace(/^\.?\//, "");
  return matchSequence(path.split("/"), normal.split("/"), (part) => part === "**", matchesName);
}

function matchesName(name: string, pattern: string): boolean {
  return matchSequence([...name], tokens(pattern), (token) => token === "*" || token === "**", matchesCharacter);
}

/** Elements against tokens, of which `isAny` ones stand for any number of elements: back to the last of them on a mismatch. */
function matchSequence(
  elements: readonly string[],
  pattern: readonly string[],
  isAny: (token: string) => boolean,
  matches: (element: string, token: string) => boolean,
): boolean {
  let element = 0;
  let token = 0;
  let lastAny = -1;
  let resume = 0;
  while (element < elements.length) {
    const current = pattern[token];
    if (current !== undefined && isAny(current)) {
      lastAny = token++;
      resume = element;
    } else if (current !== undefined && matches(elements[element]!, current)) {
      token++;
      element++;
    } else if (lastAny >= 0) {
      token = lastAny + 1;
      element = ++resume;
    } else {
      return false;
    }
  }
  while (token < pattern.length && isAny(pattern[token]!)) token++;
  return token === pattern.length;
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

function matchesCharacter(character: string, token: string): boolean {
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
