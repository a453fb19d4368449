import { bareLines } from "./bareLines";

/**
 * Whether code that does not parse is Python all the same. Asked only where the parser has failed, so both mistakes
 * cost: a false yes is a false alarm on prose or another language, a false no leaves broken Python unseen. It goes by
 *
 * - lines that only Python has (`def f(x):`, `elif`, `from x import y`, `self.`), whole or with what was broken;
 * - lines that Python never has (`};`, `#include`, `const x =`, `SELECT … FROM`): one is enough to say no, unless
 *   Python's are many times more;
 * - prose: names that follow each other without an operator, which no line of Python has;
 * - where the parser failed: one broken line upsets it on a line or two, another language or prose on most.
 */
export function looksLikePython(lines: readonly string[], evidence: Evidence): boolean {
  if (shebang.test(lines[0] ?? "")) return false;
  const { code, certain, python, foreign, prose, call } = countLines(lines, evidence.brokenLine);
  if (code === 0 || foreign * 12 > python) return false;
  // A quote that is missing from a docstring turns its prose out of the string.
  if (prose > 0 && !(evidence.nearLongString && prose * 2 <= code)) return false;
  if (python > 0 && (certain > 0 || python >= code * clearShare)) return true;
  const { pythonDataset, errorLines } = evidence;
  const enough = pythonDataset ? python + call > 0 : python >= code * 0.15 && python > 0;
  return enough && errorLines <= Math.max(2, code * (pythonDataset ? 0.5 : 0.35));
}

/** A script that says which other language it is in. */
const shebang = /^#!(?!.*python)/;
/** With so many lines of Python, one broken line may upset the parser on any number of others. */
const clearShare = 0.4;

export interface Evidence {
  /** The first line where the parser failed, 0-based: it may look like anything. -1 where it did not fail. */
  brokenLine: number;
  /** On how many lines it failed. */
  errorLines: number;
  /** Whether it failed first where a string of three quotes begins or ends, or runs to the end. */
  nearLongString: boolean;
  /** Whether most answers of the file are Python. */
  pythonDataset: boolean;
}

/** Of code that parses. */
export const noErrors: Evidence = { brokenLine: -1, errorLines: 0, nearLongString: false, pythonDataset: false };

export interface LineCounts {
  /** Lines that are neither empty nor within a string or a comment. */
  code: number;
  python: number;
  /** Those among them that no other language has. */
  certain: number;
  foreign: number;
  prose: number;
  /** Calls and assignments, which many languages have. */
  call: number;
}

const pythonPatterns: readonly RegExp[] = [
  /^\s*(?:async )?def \w+ ?\(/,
  /^\s*class \w+(?:\([\w., =]*\)?)? ?:?\s*$/,
  /^\s*from [\w.]+ import [\w.(*]/,
  /^\s*import [\w.]+(?: as \w+)?(?:, ?[\w.]+(?: as \w+)?)*\s*$/,
  /^\s*(?:elif |except\b|finally ?:|else ?:|try ?:|nonlocal \w|pass\s*$|raise \w|yield\b|assert )/,
  /^\s*(?:async )?for [\w, ()*]+ in [^{]*$/,
  /^\s*with .+ as \w+/,
  /^\s*(?:if|while) [^{;]*:\s*\S*$/,
  /^\s*@\w[\w.]*(?:\(.*)?$/,
  /^\s*print\b ?(?:\(|"|'|\w+\s*$)/,
  /\bself\.\w|\b(?:None|True|False)\b|\bnot in\b|\bis not\b|__\w+__/,
  /\blambda\b[^{]*:/,
  /\b(?:range|len|str|int|float|enumerate|zip|sorted|isinstance|input|open)\(/,
  /[\w)\]] for [\w, ()]+ in [\w(]/,
];

const certainPatterns: readonly RegExp[] = [
  /^\s*(?:async )?def \w+ ?\(.*\).*:\s*$/,
  /^\s*class \w+(?:\([\w., =]*\))?:\s*$/,
  /^\s*from [\w.]+ import [\w(*]/,
  /^\s*(?:elif .*|except(?: .*)?|for [\w, ()]+ in .+|with .+ as \w+):\s*$/,
  /^\s*import [\w.]+ as \w+\s*$/,
  /^\s*if __name__/,
];

/** A name follows that no operator of Python's parts from the word before it, or a string. */
const nameOrString = String.raw`(?:(?!(?:in|is|not|and|or|if|else|for|as)\b)[\w$@]|["'{])`;
/** Words that begin lines of other languages, where such a name follows. */
const foreignWords =
  "using namespace package public private protected static void bool boolean string String int float double char long unsigned struct enum interface impl fn func fun function var let const val local elsif elseif unless puts require require_relative module echo export sudo apt cd mkdir chmod git npm npx docker kubectl curl SELECT INSERT UPDATE CREATE DELETE ALTER DROP FROM WHERE library println printf use my sub proc Dim Sub End defmodule defp switch foreach typedef template extern go defer attr_accessor attr_reader loop".replaceAll(
    " ",
    "|",
  );
const foreignStart = new RegExp(
  [
    String.raw`^\s*(?:${foreignWords})\s+${nameOrString}`,
    String.raw`^\s*(?:end|then|do|begin|next|fi|done|esac)\s*$`,
    String.raw`^\s*(?:\/\/|\/\*|\*\/|<!|--\s|<\?|<\/?[a-zA-Z][\w-]*[ >/]|[{}]\s*$|\};?|\} |::|&)`,
    String.raw`^\s*(?:switch|foreach|catch|until|function|func|sizeof|module\.exports)\b ?[(.]`,
    // A command and its flags.
    String.raw`^\s*[a-z][a-z0-9]* --?[a-zA-Z]`,
  ].join("|"),
);
const foreignAnywhere =
  /[;{]\s*$|[$?]|!(?!=)|=>|&&|\|\||<-|===|\+\+|--\s*[;)]|%>%|\bnew [A-Z]\w*\s*\(|\bdo \||\bthen\s*$|\bdo\s*$|\b(?:System|Console|console|document|Math)\.|\w::\w|^\s*(?!async def |def ).*->|\bcout\b|\bfunction ?\(|<\/\w+>|\bend$|\/>\s*$|^\s*for ?\(.*\) ?$|^\s*(?:if|while) ?\[|:=.*;|\b(?:nil|null|undefined)\b|\d\.\.|\w\.\.\w/;
/** A Python line may hold these: a dict's opening brace at its end, a statement closed with a semicolon. */
const openingDict = /(?:[=([,:]|return|in)\s*\{\s*$/;
const closingDict = /^\s*\}[\s)\],]*$/;

const keywords = new Set(
  "and as assert async await break case class continue def del elif else except exec finally for from global if import in is lambda match nonlocal not or pass print raise return try type while with yield".split(
    " ",
  ),
);
/** So many names in a row are a sentence. */
const proseNames = 4;
const bullet = /^\s*(?:\d{1,3}[.)]|[-*•]) +[A-Z"`]?[A-Za-z]+ [A-Za-z]/;

export function countLines(lines: readonly string[], brokenLine: number): LineCounts {
  const counts: LineCounts = { code: 0, python: 0, certain: 0, foreign: 0, prose: 0, call: 0 };
  for (const [index, { bare, inLongString }] of bareLines(lines).entries()) {
    if (bare.trim() === "") continue;
    counts.code++;
    if (inLongString) {
      counts.python++;
    } else if (index === brokenLine && isForeign(bare)) {
      // What is missing may have turned a string inside out; how the line begins is left as it was.
      if (foreignStart.test(bare)) counts.foreign++;
    } else if (index !== brokenLine && isProse(bare)) {
      counts.prose++;
    } else if (index !== brokenLine && isForeign(bare)) {
      counts.foreign++;
    } else if (pythonPatterns.some((pattern) => pattern.test(bare))) {
      counts.python++;
      if (certainPatterns.some((pattern) => pattern.test(bare))) counts.certain++;
    } else if (/^\s*[\w.]+(?:\[.*\])? ?(?:\(|[-+*/]?= ?\S)/.test(bare)) {
      counts.call++;
    }
  }
  return counts;
}

function isForeign(bare: string): boolean {
  if (openingDict.test(bare) || closingDict.test(bare)) return false;
  return foreignStart.test(bare) || foreignAnywhere.test(bare);
}

/** `raise ValueError(This is no text')`: a string without its quote, not a sentence. */
const beginsLikeCode =
  /^\s*(?:(?:return|raise|yield|assert|elif|if|while|with|for|await) )?[\w.]+(?:\(|\[| ?[-+*/]?=|["'])/;

export function isProse(bare: string): boolean {
  if (/["']/.test(bare) && beginsLikeCode.test(bare)) return false;
  if (bullet.test(bare)) return true;
  let names = 0;
  for (const word of bare.trim().split(/[\s]+/)) {
    if (/^[("'`]*[A-Za-z][A-Za-z'’-]*[,;:.!?)"'`]*$/.test(word) && !keywords.has(word)) names++;
    else if (!keywords.has(word)) names = 0;
    if (names >= proseNames) return true;
    // `from x import a, b, c`
    if (word.endsWith(",")) names = 0;
  }
  return false;
}
