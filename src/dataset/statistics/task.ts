/** What an instruction asks for, as coarsely as its leading verb or question word tells. */

const WORDS = [
  "add analyse analyze answer arrange build calculate categorize check classify code combine compare complete compose",
  "compute construct convert count create debug decode define delete demonstrate derive describe design detect determine",
  "develop display draw edit encode estimate evaluate execute explain extend extract find fix format generate",
  "give how identify implement improve insert list make merge modify name optimise optimize outline parse predict",
  "print produce provide prove query recommend rectify refactor remove rename replace return reverse rewrite search",
  "select set show simplify solve sort split suggest summarise summarize swap tell test transform translate update use",
  "validate verify what when where which who why write",
] as const;

/** A leading verb or question word in lower case, or `other`. */
export type Task = string;

export const OTHER_TASK = "other";

const tasks = new Set(WORDS.flatMap((line) => line.split(" ")));

/** British and American spellings are one task. */
const SPELLINGS: Readonly<Record<string, string>> = {
  analyse: "analyze",
  optimise: "optimize",
  summarise: "summarize",
};

/** Code units of the instruction that are read: "Given …, write …" names its verb late, but not later than this. */
const READ = 240;

export function taskOf(instruction: string): Task {
  for (const [word] of instruction
    .slice(0, READ)
    .toLowerCase()
    .matchAll(/[a-z]+/g)) {
    if (tasks.has(word)) return SPELLINGS[word] ?? word;
  }
  return OTHER_TASK;
}
