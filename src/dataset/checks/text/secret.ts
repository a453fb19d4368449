import type { TextCheck } from "../textPart";
import { entropy, isPlaceholder } from "./placeholder";
import { problemAt } from "./problemAt";
import { secretMarker, secretPatterns } from "./secretPatterns";

const maximum = 5;

export interface Secret {
  /** With its article: "a GitHub token". */
  name: string;
  start: number;
  end: number;
}

/** Keys, tokens and passwords that look real. A model learns them by heart and tells them to whoever asks. */
export const secret: TextCheck = (part) =>
  findSecrets(part.text)
    .slice(0, maximum)
    .map(({ name, start, end }) =>
      problemAt(
        part,
        "secret",
        start,
        end,
        `holds what looks like ${name}: replace it with a placeholder, and revoke it if it is real.`,
      ),
    );

/** In the order of the text; none overlaps another. */
export function findSecrets(text: string): Secret[] {
  const found = [...keyBlocks(text), ...knownTokens(text), ...addressPasswords(text), ...assignedSecrets(text)];
  if (found.length < 2) return found;
  found.sort((left, right) => left.start - right.start || right.end - left.end);
  let end = -1;
  return found.filter((secret) => {
    if (secret.start < end) return false;
    end = secret.end;
    return true;
  });
}

const keyHeader = /-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/y;
const keyFooter = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
const keyBody = /[A-Za-z0-9+/=]{40}/;

function keyBlocks(text: string): Secret[] {
  const found: Secret[] = [];
  let start = text.indexOf("-----BEGIN ");
  while (start >= 0) {
    keyHeader.lastIndex = start;
    let end = start + 11;
    if (keyHeader.test(text)) {
      const bodyStart = keyHeader.lastIndex;
      keyFooter.lastIndex = bodyStart;
      const footer = keyFooter.exec(text);
      end = footer === null ? text.length : keyFooter.lastIndex;
      const body = text.slice(bodyStart, footer?.index);
      if (keyBody.test(body))
        found.push({ name: "a private key", start, end: footer === null ? text.trimEnd().length : end });
    }
    start = text.indexOf("-----BEGIN ", end);
  }
  return found;
}

function knownTokens(text: string): Secret[] {
  const found: Secret[] = [];
  secretMarker.lastIndex = 0;
  for (let match = secretMarker.exec(text); match !== null; match = secretMarker.exec(text)) {
    const { name, pattern } = secretPatterns[match[0]]!;
    pattern.lastIndex = match.index;
    const value = pattern.exec(text)?.[0];
    if (value === undefined || isSample(value.slice(match[0].length), name)) continue;
    found.push({ name: `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`, start: match.index, end: pattern.lastIndex });
    secretMarker.lastIndex = pattern.lastIndex;
  }
  return found;
}

/** The words of `isPlaceholder` would meet by chance in so long a value; these do not. */
function isSample(value: string, name: string): boolean {
  if (/EXAMPLE|example|x{4}|X{4}|\*|your|YOUR|123456789|abcdef123|abcdefghij/.test(value)) return true;
  // The token that jwt.io shows, whose subject is 1234567890.
  if (name === "JSON Web Token") return value.includes("eyJzdWIiOiIxMjM0NTY3ODkw");
  return entropy(value) < 2.5;
}

const addressCredentials = /:\/\/([^\s:@/'"`<>?#]{0,64}):([^\s@/'"`<>?#]{3,128})@([A-Za-z0-9.-]{1,253})/y;

/** `postgres://app:p4ss@db.internal`: the password. */
function addressPasswords(text: string): Secret[] {
  const found: Secret[] = [];
  for (let at = text.indexOf("://"); at >= 0; at = text.indexOf("://", at + 3)) {
    addressCredentials.lastIndex = at;
    const match = addressCredentials.exec(text);
    if (match === null) continue;
    const [, user, password, host] = match as unknown as [string, string, string, string];
    if (user === password || isPlaceholder(password) || isPlaceholder(user) || /example|yourhost/.test(host)) continue;
    const start = at + 3 + user.length + 1;
    found.push({ name: "a password in an address", start, end: start + password.length });
  }
  return found;
}

/** An assignment of a quoted text. What is assigned to is read backwards from it, so the scan is linear. */
const assignment = /[:=]>?[ \t]{0,3}(["'])([A-Za-z0-9!#$%&*+,./:;=?@^_~|-]{8,128})\1/g;
const longestName = 48;
const nameBefore = /([A-Za-z][A-Za-z0-9_-]{0,40})["']?\]?(?:: ?(?:str|string|String))?[ \t]{0,3}[:=]?$/;
const passwordName = /(?:password|passwd|pwd|passphrase)$/i;
const keyName = /(?:secret|token|api_?key|apikey|access_?key|auth_?key|client_?secret|private_?key|secret_?key)$/i;

function assignedSecrets(text: string): Secret[] {
  const found: Secret[] = [];
  assignment.lastIndex = 0;
  for (let match = assignment.exec(text); match !== null; match = assignment.exec(text)) {
    const name = nameBefore.exec(text.slice(Math.max(0, match.index - longestName), match.index))?.[1];
    if (name === undefined) continue;
    const value = match[2]!;
    const start = match.index + match[0].length - 1 - value.length;
    if (passwordName.test(name) && looksLikePassword(value)) {
      found.push({ name: "a password", start, end: start + value.length });
    } else if (keyName.test(name) && looksLikeKey(value)) {
      found.push({ name: "a key or token", start, end: start + value.length });
    }
  }
  return found;
}

function looksLikePassword(value: string): boolean {
  const classes = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(value)).length;
  return classes >= 3 && /\d/.test(value) && entropy(value) >= 2.7 && !isPlaceholder(value);
}

function looksLikeKey(value: string): boolean {
  if (value.length < 16 || !/\d/.test(value) || !/[A-Za-z]/.test(value)) return false;
  return entropy(value) >= 3.3 && !isSample(value, "") && !isPlaceholder(value);
}
