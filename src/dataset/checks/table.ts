/**
 * Every check of a data set. Documentation (docs/checks/), settings (`tunesmith.checks` in package.json) and SARIF's
 * rules are generated from this table: `npm run generate`.
 */

export type Severity = "error" | "warning" | "information";

/** What a check looks at; decides when it runs. */
export type CheckStage =
  /** Syntax, fields, types, roles, empty texts: one row, without reading its texts. */
  | "structure"
  /** The texts of one row. */
  | "text"
  /** Python in the answers of one row. */
  | "python"
  /** One row with the tokenizer. */
  | "tokens"
  /** The rows of a file beside each other, or beside those of another file. */
  | "file";

export interface Check {
  stage: CheckStage;
  /**
   * Error: the row must be mended, training leaves it out. Warning: well formed, but of no use or harmful as it is.
   * Information: worth a look. Settings may change it.
   */
  severity: Severity;
  /** A noun phrase, as a heading and in settings. */
  title: string;
}

const table = {
  "json-syntax": { stage: "structure", severity: "error", title: "Invalid JSON" },
  "invalid-utf8": { stage: "structure", severity: "error", title: "Bytes that are not UTF-8" },
  "line-too-long": { stage: "structure", severity: "error", title: "Line longer than 16 MiB" },
  "empty-file": { stage: "structure", severity: "error", title: "File without rows" },
  "duplicate-key": { stage: "structure", severity: "warning", title: "Key that occurs twice in an object" },
  "byte-order-mark": { stage: "structure", severity: "information", title: "Byte order mark" },
  "mixed-line-ends": { stage: "structure", severity: "information", title: "Lines that end in different ways" },
  "blank-line": { stage: "structure", severity: "information", title: "Blank line between rows" },
  "not-an-object": { stage: "structure", severity: "error", title: "Row that is not an object" },
  "unknown-format": { stage: "structure", severity: "error", title: "Row that fits no known format" },
  "no-data-set": { stage: "structure", severity: "information", title: "File that is no data set" },
  "other-format": { stage: "structure", severity: "error", title: "Row in another format than the file's" },
  "preference-data": { stage: "structure", severity: "warning", title: "Preference pairs" },
  "missing-field": { stage: "structure", severity: "error", title: "Missing field" },
  "unknown-field": { stage: "structure", severity: "information", title: "Field that other rows do not have" },
  "wrong-type": { stage: "structure", severity: "error", title: "Value of the wrong type" },
  "empty-answer": { stage: "structure", severity: "warning", title: "Empty answer" },
  "empty-instruction": { stage: "structure", severity: "warning", title: "Empty instruction" },
  "unknown-role": { stage: "structure", severity: "error", title: "Unknown role" },
  "role-order": { stage: "structure", severity: "error", title: "Roles out of order" },
  "no-assistant-turn": { stage: "structure", severity: "error", title: "Conversation without an answer" },
  "last-turn-not-assistant": {
    stage: "structure",
    severity: "error",
    title: "Conversation that does not end with an answer",
  },
  "all-masked": { stage: "structure", severity: "error", title: "Row of which nothing is learned" },
  "lone-surrogate": { stage: "structure", severity: "error", title: "Half of a surrogate pair" },
  "control-character": { stage: "text", severity: "warning", title: "Control character" },
  "invisible-character": { stage: "text", severity: "warning", title: "Invisible or direction-changing character" },
  "replacement-character": { stage: "text", severity: "warning", title: "Replacement character U+FFFD" },
  mojibake: { stage: "text", severity: "warning", title: "Text decoded with the wrong encoding" },
  "special-token": { stage: "text", severity: "warning", title: "Special token inside a text" },
  "template-marker": { stage: "text", severity: "warning", title: "Marks of a prompt template inside a text" },
  "double-bos": { stage: "text", severity: "warning", title: "Begin token written out" },
  "template-mismatch": { stage: "tokens", severity: "warning", title: "Template or end token of another base model" },
  secret: { stage: "text", severity: "warning", title: "Secret: key, token or password" },
  "personal-data": { stage: "text", severity: "information", title: "E-mail address or telephone number" },
  "unbalanced-fence": { stage: "text", severity: "warning", title: "Markdown fence that is never closed" },
  "truncated-answer": { stage: "text", severity: "information", title: "Answer that breaks off" },
  refusal: { stage: "text", severity: "information", title: "Refusal" },
  boilerplate: { stage: "text", severity: "information", title: "Boilerplate around the answer" },
  "repeated-text": { stage: "text", severity: "warning", title: "Answer that repeats itself" },
  "python-syntax": { stage: "python", severity: "warning", title: "Python that does not parse" },
  "mixed-indentation": { stage: "python", severity: "warning", title: "Tabs and spaces in one indentation" },
  "over-length": { stage: "tokens", severity: "warning", title: "Row longer than a sequence" },
  "answer-cut": { stage: "tokens", severity: "warning", title: "Prompt that fills the whole sequence" },
  "duplicate-row": { stage: "file", severity: "warning", title: "Exact duplicate" },
  "near-duplicate": { stage: "file", severity: "information", title: "Near duplicate" },
  "conflicting-answers": { stage: "file", severity: "warning", title: "Different answers to one instruction" },
  "held-out-leak": { stage: "file", severity: "warning", title: "Row that also stands in the held-out file" },
  "suspicious-length": { stage: "file", severity: "information", title: "Unusually long or short answer" },
  "task-imbalance": { stage: "file", severity: "information", title: "One task outweighs all others" },
} as const satisfies Record<string, Check>;

export type CheckId = keyof typeof table;

export const checks: Readonly<Record<CheckId, Check>> = table;

export const checkIds = Object.keys(table) as CheckId[];

export function isCheckId(value: string): value is CheckId {
  return Object.hasOwn(table, value);
}
