/** In which language an answer is written, by its fence's tag or by cheap cues: for a chart, not for decisions. */

export const answerLanguages = [
  "python",
  "javascript",
  "sql",
  "html",
  "shell",
  "java",
  "c-like",
  "other code",
  "prose",
  "none",
] as const;

/** `javascript` includes TypeScript, `c-like` C, C++, C#, Go and Rust; `none` is an empty answer. */
export type AnswerLanguage = (typeof answerLanguages)[number];

/** UTF-16 code units that are looked at: what an answer is shows early, and no pattern can run away. */
const READ = 1200;

const TAGS: Readonly<Record<string, AnswerLanguage>> = {
  python: "python",
  python3: "python",
  py: "python",
  pycon: "python",
  javascript: "javascript",
  js: "javascript",
  jsx: "javascript",
  typescript: "javascript",
  ts: "javascript",
  tsx: "javascript",
  sql: "sql",
  mysql: "sql",
  postgresql: "sql",
  html: "html",
  xml: "html",
  bash: "shell",
  sh: "shell",
  shell: "shell",
  zsh: "shell",
  console: "shell",
  powershell: "shell",
  java: "java",
  c: "c-like",
  cpp: "c-like",
  "c++": "c-like",
  csharp: "c-like",
  cs: "c-like",
  "c#": "c-like",
  go: "c-like",
  rust: "c-like",
  text: "prose",
  markdown: "prose",
};

/** The first that fits is taken: what is sure stands before what is likely. */
const CUES: readonly (readonly [AnswerLanguage, RegExp])[] = [
  ["other code", /^\s*<\?php/],
  ["html", /^\s*<(?:!doctype|html|head|body|div|form|table|ul|p|h1|svg|xml|\?xml)\b/i],
  ["shell", /^#!\S*\/(?:env )?(?:ba|z|k)?sh\b|^(?:\$ |sudo |apt-get |echo ["$]|chmod |grep |docker |git |curl )/m],
  [
    "c-like",
    /^[ \t]*#include\s*[<"]|\bint main ?\(|\busing (?:namespace|System)\b|\bstd::|^package main$|\bfn main\(|\bConsole\.\w/m,
  ],
  ["java", /\bpublic (?:static |final |abstract )*(?:class|void|int|interface)\b|\bSystem\.out\.|^import java/m],
  [
    "python",
    /^[ \t]*(?:async )?def \w+ ?\(|^class \w+[(:]|^(?:import \w|from [\w.]+ import )|^if __name__|\bprint\(f?['"]/m,
  ],
  ["sql", /^[ \t]*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ALTER TABLE|CREATE VIEW|WITH \w+ AS)\s/im],
  [
    "javascript",
    /\b(?:const|let|var) [\w$[{][^=\n]{0,80}=|\bfunction\b ?[\w$]*\(|=> ?[{(\w]|\bconsole\.log\(|\bdocument\.\w/,
  ],
  [
    "python",
    /^[ \t]*(?:for|while|if|elif|with|try|else)\b[^\n]{0,200}:$|^[ \t]*print\(|^\w+ = \w*[[({]|\blambda \w+:/m,
  ],
  ["html", /<\/(?:html|body|div|table|p)>/i],
  ["other code", /^[ \t]*(?:end|begin)$|\bputs |\bfunc \w+\(|^[.#]?[\w-]+ \{$|[;{}]$/m],
];

export function answerLanguage(answer: string): AnswerLanguage {
  const start = answer.slice(0, READ);
  const fence = /```([\w+#-]*)/.exec(start);
  if (fence) {
    const tag = fence[1]!.toLowerCase();
    if (tag !== "") return TAGS[tag] ?? "other code";
    const inside = start.slice(fence.index + 3);
    return byCues(inside) ?? "other code";
  }
  return byCues(start) ?? (answer.trim() === "" ? "none" : "prose");
}

function byCues(text: string): AnswerLanguage | null {
  for (const [language, cue] of CUES) if (cue.test(text)) return language;
  return null;
}
