/**
 * Whether items fit a pattern of which some tokens, the wild ones, stand for any number of items. Only the last wild one's
 * share ever has to be tried anew, so that it takes time in proportion to both lengths multiplied at most.
 */
export function matchesWildcards<Token, Item>(
  pattern: readonly Token[],
  items: readonly Item[],
  isWild: (token: Token) => boolean,
  fits: (token: Token, item: Item) => boolean,
): boolean {
  let at = 0;
  let token = 0;
  let wild = -1;
  let wildAt = 0;
  while (at < items.length) {
    if (token < pattern.length && isWild(pattern[token]!)) {
      wild = token++;
      wildAt = at;
    } else if (token < pattern.length && fits(pattern[token]!, items[at]!)) {
      token++;
      at++;
    } else if (wild !== -1) {
      token = wild + 1;
      at = ++wildAt;
    } else return false;
  }
  while (token < pattern.length && isWild(pattern[token]!)) token++;
  return token === pattern.length;
}
