import type { PersonalDatum } from "./personalData";

const localCharacter = /[A-Za-z0-9._%+-]/;
const longestLocal = 64;
/** Sticky, from the sign on: labels, then the top-level domain, which no further label and no call follows. */
const domain = /@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,5})([A-Za-z]{2,24})(?![A-Za-z0-9-]|\.[A-Za-z0-9]|[([])/y;
/** Code has `weights@inputs.T`, `icon@2x.png` and decorators: only endings that mail has count. */
const mailEnding =
  /^(?:com|net|org|edu|gov|mil|int|info|biz|name|pro|io|dev|app|online|site|tech|store|blog|shop|cloud|email|[a-z]{2})$/i;
const fileEnding = /^(?:py|js|ts|md|sh|rs|cc|gz|so|rb|go|pl)$/i;

const placeholderDomain =
  /(?:^|\.)(?:example|test|invalid|localhost|domain|mydomain|yourdomain|email|mail|mycompany|yourcompany|company|xyz|abc|sample|website|yoursite|mysite|site|foo|bar|acme|fake|dummy|somewhere|host|server|provider|organization|business)\./i;
const placeholderLocal =
  /^(?:user|username|name|first|last|email|e-mail|someone|somebody|anyone|me|you|recipient|receiver|sender|from|to|admin|info|support|contact|help|sales|hello|no-?reply|do-?not-?reply|webmaster|postmaster|git|abc|xyz|foo|bar|test|john|jane|joe|alice|bob|carol|charlie|dan|dave|eve|mary|mike|tom|j?doe)\d*$|your|^my|example|test|sample|dummy|fake|(?:john|jane|joe|j)[._-]?(?:doe|smith)|firstname|lastname|username/i;

export function findEmails(text: string): PersonalDatum[] {
  const found: PersonalDatum[] = [];
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    domain.lastIndex = at;
    const match = domain.exec(text);
    if (match === null || !mailEnding.test(match[2]!) || fileEnding.test(match[2]!)) continue;
    const start = localStart(text, at);
    if (start === at || isCredential(text, start)) continue;
    if (placeholderDomain.test(match[1]!) || placeholderLocal.test(text.slice(start, at))) continue;
    found.push({ name: "an e-mail address", start, end: domain.lastIndex });
  }
  return found;
}

function localStart(text: string, at: number): number {
  let start = at;
  while (start > 0 && at - start < longestLocal && localCharacter.test(text[start - 1]!)) start--;
  while (start < at && /[.%+-]/.test(text[start]!)) start++;
  return start;
}

/** `https://user:password@host` is no mail. */
function isCredential(text: string, start: number): boolean {
  const before = text.slice(Math.max(0, start - 70), start);
  return before.endsWith("://") || /:\/\/[^\s/]{1,64}:$/.test(before);
}
