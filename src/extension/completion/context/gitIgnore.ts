/**
 * The rules of .gitignore files, as gitignore(5) has them. Pure. Patterns are matched without backtracking beyond the last
 * asterisk, so that no file, however it is written, makes matching slow.
 */

import { matchesWildcards } from "../../../disk/wildcards";

export interface IgnoreRule {
  /** `!`: what it matches is not ignored after all. */
  negated: boolean;
  /** A pattern that ends with `/`. */
  foldersOnly: boolean;
  /** Names from the file's folder on; null stands for any number of folders (`**`). */
  segments: readonly (Glob | null)[];
  /** Without a `/` in it, a pattern is for names at any depth. */
  anywhere: boolean;
}

/** One byte each; "any": `?`, "star": `*`. */
type Glob = readonly ("any" | "star" | ((character: string) => boolean))[];

/** Longer patterns are no file's name. */
const LONGEST_PATTERN = 1000;

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /\s/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** A character for each byte in UTF-8: that is what Git's `?` and sets are for. */
function bytesOf(name: string, ignoreCase: boolean): string {
  return Buffer.from(ignoreCase ? name.toLowerCase() : name, "utf8").toString("latin1");
}

/** The rules of one file, in its order. `ignoreCase`: as Git does where the file system does. */
export function parseIgnoreFile(text: string, ignoreCase = false): IgnoreRule[] {
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .flatMap((line) => parseRule(line, ignoreCase) ?? []);
}

function parseRule(line: string, ignoreCase: boolean): IgnoreRule | null {
  if (line.startsWith("#") || line.length > LONGEST_PATTERN) return null;
  // A space behind a backslash belongs to the pattern.
  let pattern = line.replace(/^((?:\\.|[^\\])*?) *$/, "$1");
  const negated = pattern.startsWith("!");
  if (negated) pattern = pattern.slice(1);
  const foldersOnly = pattern.endsWith("/");
  if (foldersOnly) pattern = pattern.slice(0, -1);
  const anywhere = !pattern.includes("/");
  const names = pattern.replace(/^\//, "").split("/");
  if (names.length === 1 && names[0] === "") return null;
  const segments: (Glob | null)[] = [];
  for (const name of names) {
    const glob = name === "**" && !anywhere ? null : parseGlob(bytesOf(name, ignoreCase), ignoreCase);
    if (glob === "invalid") return null;
    segments.push(glob);
  }
  // At the end `**` is for all that is inside, not for the folder itself.
  if (segments.at(-1) === null) segments.push(["star"]);
  return { negated, foldersOnly, segments, anywhere };
}

/** "invalid": Git matches nothing with it. */
function parseGlob(name: string, ignoreCase: boolean): Glob | "invalid" {
  const glob: ("any" | "star" | ((character: string) => boolean))[] = [];
  for (let at = 0; at < name.length; ++at) {
    const character = name[at]!;
    if (character === "*") glob.push("star");
    else if (character === "?") glob.push("any");
    else if (character === "[") {
      const set = parseSet(name, at + 1, ignoreCase);
      if (set === null) return "invalid";
      glob.push(set.has);
      at = set.end;
    } else if (character === "\\") {
      const escaped = name[++at];
      if (escaped === undefined) return "invalid";
      glob.push((other) => other === escaped);
    } else glob.push((other) => other === character);
  }
  return glob;
}

/** The set that begins behind `[`; `end`: where its `]` is. Null: it has none. */
function parseSet(
  name: string,
  from: number,
  ignoreCase: boolean,
): { has: (character: string) => boolean; end: number } | null {
  const tests: ((character: string) => boolean)[] = [];
  const negated = name[from] === "!" || name[from] === "^";
  const first = negated ? from + 1 : from;
  for (let at = first; at < name.length; ++at) {
    if (name[at] === "]" && at > first) {
      return { has: (character) => tests.some((test) => test(character)) !== negated, end: at };
    }
    const [all, named] = /^\[:([a-z]*):\]/.exec(name.slice(at, at + 12)) ?? [];
    if (named !== undefined) {
      const expression = CLASSES[named];
      if (expression === undefined) return null;
      const upper = ignoreCase && named === "upper" ? CLASSES.lower! : expression;
      tests.push((character) => upper.test(character));
      at += all!.length - 1;
      continue;
    }
    if (name[at] === "\\") at++;
    const low = name[at];
    let high = low;
    if (name[at + 1] === "-" && name[at + 2] !== undefined && name[at + 2] !== "]") {
      at += name[at + 2] === "\\" ? 3 : 2;
      high = name[at];
    }
    if (low === undefined || high === undefined) return null;
    tests.push((character) => character >= low && character <= high!);
  }
  return null;
}

/**
 * Whether Git ignores a file. `path`: its folders and its name, from the top on. `rules`: of the top and of each of the
 * folders, so as many as `path` has parts. What lies in an ignored folder is ignored, whatever a rule says of it.
 */
export function isIgnoredBy(
  path: readonly string[],
  rules: readonly (readonly IgnoreRule[])[],
  ignoreCase = false,
): boolean {
  const names = path.map((name) => bytesOf(name, ignoreCase));
  for (let depth = 1; depth <= names.length; ++depth) {
    if (lastWord(names.slice(0, depth), rules.slice(0, depth), depth < names.length) === "ignored") return true;
  }
  return false;
}

/** What the deepest file that speaks of it says last. */
function lastWord(
  path: readonly string[],
  rules: readonly (readonly IgnoreRule[])[],
  isFolder: boolean,
): "ignored" | "kept" | null {
  for (let level = rules.length - 1; level >= 0; --level) {
    const below = path.slice(level);
    const rule = rules[level]!.findLast((candidate) => matches(candidate, below, isFolder));
    if (rule !== undefined) return rule.negated ? "kept" : "ignored";
  }
  return null;
}

function matches({ foldersOnly, segments, anywhere }: IgnoreRule, path: readonly string[], isFolder: boolean): boolean {
  if (foldersOnly && !isFolder) return false;
  if (anywhere) return isName(segments[0]!, path.at(-1)!);
  return matchesWildcards(
    segments,
    path,
    (segment) => segment === null,
    (segment, name) => isName(segment!, name),
  );
}

function isName(glob: Glob, name: string): boolean {
  return matchesWildcards(
    glob,
    [...name],
    (token) => token === "star",
    (token, character) => token === "any" || (token as (character: string) => boolean)(character),
  );
}
