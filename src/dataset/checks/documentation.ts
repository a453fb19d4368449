/**
 * What each check's page says (docs/checks/), with an example that the tests hold to its word: the check must find
 * `bad` at `at`, and must not find anything in `good`.
 */

import type { CheckId } from "./table";

export interface CheckDocumentation {
  /** What goes wrong when it is left. */
  why: string;
  /** What to do. */
  mend: string;
  bad: readonly string[];
  good: readonly string[];
  /** Where `bad` is marked: the line, from 1, and how the marked text begins. */
  at: readonly [line: number, marked: string];
  /** `bad` and `good` are bytes, a character each, not text. */
  bytes?: true;
  /** Rows of the held-out file. */
  heldOut?: readonly string[];
  /** The example needs a tokenizer and this sequence length. */
  sequenceLength?: number;
}

const row = (instruction: string, output: string): string => JSON.stringify({ instruction, output });
const chat = (...messages: [string, string][]): string =>
  JSON.stringify({ messages: messages.map(([role, content]) => ({ role, content })) });
const many = (count: number, make: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, n) => make(n));

const SUM = row("Add two numbers.", "def add(a, b):\n    return a + b");
const TASKS = ["Explain", "Translate", "Fix", "Summarise", "List", "Compare", "Name"];
const numbered = (index: number) => row(`${TASKS[index % TASKS.length]} case ${index}.`, `Case ${index} of them all.`);
const LONG_ROW = row(
  "Write a function that finds the median of a list of numbers and explains each of its steps in a comment.",
  "def median(values):\n    # Sort a copy: the caller keeps its order.\n    ordered = sorted(values)\n    middle = len(ordered) // 2\n    return ordered[middle]",
);

export const documentation: Readonly<Record<CheckId, CheckDocumentation>> = {
  "json-syntax": {
    why: "A line that is not one valid JSON value cannot be read, by this or any other trainer. Training leaves the row out.",
    mend: "Each line must hold one JSON object. The message says what stands in the way; many faults have a quick fix: a comma too many, single quotes, Python's `None`, a quote that is not escaped, two objects on one line, an object over several lines.",
    bad: ['{"instruction": "Add", "output": "a + b",}'],
    good: ['{"instruction": "Add", "output": "a + b"}'],
    at: [1, ","],
  },
  "invalid-utf8": {
    why: "JSON is UTF-8. Bytes that are not are shown as \ufffd and would be learned as such, so the row is left out.",
    mend: "Find out which encoding the file was written in (often Windows-1252) and save it as UTF-8.",
    bad: ['{"instruction": "Say hello in French.", "output": "\xc7a va"}'],
    good: ['{"instruction": "Say hello in French.", "output": "\xc3\x87a va"}'],
    at: [1, "Ç"],
    bytes: true,
  },
  "line-too-long": {
    why: "A line of more than 16 MiB is no row but a file without line breaks. It is not read, so that memory stays bounded.",
    mend: "If the file is one JSON array, use *Import Data Set…*. Else put each row on a line of its own.",
    bad: [`["${"x".repeat(16 * 1024 * 1024)}"]`],
    good: [SUM],
    at: [1, ""],
  },
  "empty-file": {
    why: "There is nothing to train on.",
    mend: "Write one JSON object a line, import a data set, or make one from your Python files.",
    bad: [],
    good: [SUM],
    at: [1, ""],
  },
  "duplicate-key": {
    why: "Readers of JSON keep the last value of a repeated key and drop the others without a word.",
    mend: "Remove all but one, or give each a name of its own.",
    bad: ['{"instruction": "Add", "output": "a + b", "output": "a - b"}'],
    good: ['{"instruction": "Add", "output": "a + b"}'],
    at: [1, '"output"'],
  },
  "byte-order-mark": {
    why: "Many readers of JSON Lines take the mark for a part of the first row and fail there.",
    mend: "Save the file as UTF-8 without a byte order mark; there is a quick fix.",
    bad: [`\ufeff${SUM}`],
    good: [SUM],
    at: [1, "{"],
  },
  "mixed-line-ends": {
    why: "Tools that cut lines at LF alone leave a carriage return at the end of some rows.",
    mend: "Save the file with one kind of line end; there is a quick fix.",
    bad: [numbered(1), `${numbered(2)}\r`, ""],
    good: [numbered(1), numbered(2), ""],
    at: [2, "}"],
  },
  "blank-line": {
    why: "A blank line is no row. Some readers stop there, others fail.",
    mend: "Remove it; there is a quick fix for all of them.",
    bad: [numbered(1), "", numbered(2)],
    good: [numbered(1), numbered(2)],
    at: [2, ""],
  },
  "not-an-object": {
    why: "A row's fields are found by their names, so each row must be an object. Training leaves others out.",
    mend: 'Write the row as an object, such as `{"instruction": …, "output": …}`.',
    bad: [SUM, '["Subtract", "a - b"]'],
    good: [SUM, row("Subtract", "a - b")],
    at: [2, '["Subtract", "a - b"]'],
  },
  "unknown-format": {
    why: "The row has none of the fields that the file's other rows have, so nothing of it can be learned.",
    mend: "Use the fields of the file's format. Where your files name them in their own way, map them in the setting `tunesmith.dataSets`.",
    bad: [SUM, '{"title": "Subtract", "body": "a - b"}'],
    good: [SUM, row("Subtract", "a - b")],
    at: [2, '{"title"'],
  },
  "no-data-set": {
    why: "The rows look like something else, a log perhaps. Nothing but the JSON is checked then.",
    mend: "If it is a data set, choose its format in the status bar or map its fields in `tunesmith.dataSets`.",
    bad: ['{"level": "info", "time": 1}'],
    good: [SUM],
    at: [1, '{"level"'],
  },
  "other-format": {
    why: "A file is read as one format: the one that most of its first rows have. A row in another is left out.",
    mend: "Convert the row; there is a quick fix. Or keep rows of each format in a file of their own.",
    bad: [SUM, SUM.replace("Add", "Subtract"), chat(["user", "Hello"], ["assistant", "Good day."])],
    good: [SUM, SUM.replace("Add", "Subtract"), row("Hello", "Good day.")],
    at: [3, '{"messages"'],
  },
  "preference-data": {
    why: "Pairs of a chosen and a rejected answer are for preference training (DPO). A LoRA run by examples cannot use them.",
    mend: "*Convert Dataset To…* keeps the chosen answers.",
    bad: ['{"prompt": "Add two numbers.", "chosen": "a + b", "rejected": "a - b"}'],
    good: [row("Add two numbers.", "a + b")],
    at: [1, '{"prompt"'],
  },
  "missing-field": {
    why: "Without its instruction or its answer a row has nothing to learn. Training leaves it out.",
    mend: "Add the field. If the row has it under another name, the quick fix renames it.",
    bad: [SUM, '{"instruction": "Subtract", "ouput": "a - b"}'],
    good: [SUM, row("Subtract", "a - b")],
    at: [2, '"ouput"'],
  },
  "unknown-field": {
    why: "A field that no other row has is often a slip of the pen, and what it holds is not used.",
    mend: "Rename or remove it. Fields that many rows have, such as an id, are not complained about.",
    bad: [SUM, '{"instruction": "Subtract", "inptu": "1, 2", "output": "a - b"}'],
    good: [SUM, '{"instruction": "Subtract", "input": "1, 2", "output": "a - b"}'],
    at: [2, '"inptu"'],
  },
  "wrong-type": {
    why: "Texts must be texts: a number or a list in their place cannot be learned.",
    mend: "Put the value into quotes, or take the text that is meant out of the list.",
    bad: [SUM, '{"instruction": "How many?", "output": 5}'],
    good: [SUM, '{"instruction": "How many?", "output": "5"}'],
    at: [2, "5"],
  },
  "empty-answer": {
    why: "From an empty answer the model learns to say nothing.",
    mend: "Write the answer or remove the row; there is a quick fix for all such rows.",
    bad: [SUM, '{"instruction": "Subtract", "output": "  "}'],
    good: [SUM, row("Subtract", "a - b")],
    at: [2, '"  "'],
  },
  "empty-instruction": {
    why: "An answer to nothing teaches the model to answer when it is not asked.",
    mend: "Write the instruction or remove the row.",
    bad: [SUM, '{"instruction": "", "output": "a - b"}'],
    good: [SUM, row("Subtract", "a - b")],
    at: [2, '""'],
  },
  "unknown-role": {
    why: "Only known roles can be put into a chat template.",
    mend: 'Use "system", "user", "assistant" or "tool".',
    bad: [chat(["User", "Hello"], ["assistant", "Good day."])],
    good: [chat(["user", "Hello"], ["assistant", "Good day."])],
    at: [1, '"User"'],
  },
  "role-order": {
    why: "Chat templates are made for user and assistant in turn. Two of one kind in a row are a lost or doubled message.",
    mend: "Join the two messages or put in the one that is missing.",
    bad: [chat(["user", "Hello"], ["user", "Are you there?"], ["assistant", "Good day."])],
    good: [chat(["user", "Hello. Are you there?"], ["assistant", "Good day."])],
    at: [1, '"user"'],
  },
  "no-assistant-turn": {
    why: "The assistant's messages are what is learned. Without one there is nothing.",
    mend: "Add the answer or remove the row.",
    bad: [chat(["system", "Be brief."], ["user", "Hello"])],
    good: [chat(["user", "Hello"], ["assistant", "Good day."])],
    at: [1, "["],
  },
  "last-turn-not-assistant": {
    why: "What stands after the last answer is not learned from, and often the conversation was cut off.",
    mend: "Remove the last message or answer it.",
    bad: [chat(["user", "Hello"], ["assistant", "Good day."], ["user", "Bye"])],
    good: [chat(["user", "Hello"], ["assistant", "Good day."])],
    at: [1, '"user"'],
  },
  "all-masked": {
    why: "No token of the row counts in the loss, so the run would pay for it and learn nothing.",
    mend: 'Take away the "weight": 0 or "train": false of at least one answer.',
    bad: ['{"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi", "weight": 0}]}'],
    good: ['{"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]}'],
    at: [1, "["],
  },
  "lone-surrogate": {
    why: "Half of a surrogate pair is no character: no tokenizer can encode it.",
    mend: "Remove it. It comes from texts that were cut in the middle of an emoji.",
    bad: ['{"instruction": "Cheer", "output": "Yes \\ud83d"}'],
    good: ['{"instruction": "Cheer", "output": "Yes \\ud83d\\ude00"}'],
    at: [1, "\\ud83d"],
  },
  "control-character": {
    why: "Control characters come from terminals and broken conversions. The model would learn to write them.",
    mend: "Remove them; there is a quick fix.",
    bad: ['{"instruction": "Colour it", "output": "\\u001b[31mred"}'],
    good: ['{"instruction": "Colour it", "output": "red"}'],
    at: [1, "\\u001b"],
  },
  "invisible-character": {
    why: "Characters without width, and those that turn the direction of text, cannot be seen but are learned. In code they can hide what it does (Trojan Source).",
    mend: "Remove them; there is a quick fix.",
    bad: [row("Name it", "user\u200bname")],
    good: [row("Name it", "username")],
    at: [1, "\u200b"],
  },
  "replacement-character": {
    why: "U+FFFD stands where a character was lost. The model would learn to write it.",
    mend: "Take the text from its source again, with the right encoding.",
    bad: [row("Where do we meet?", "At the caf\ufffd.")],
    good: [row("Where do we meet?", "At the café.")],
    at: [1, "\ufffd"],
  },
  mojibake: {
    why: "The text was UTF-8 and was read as Windows-1252: every accent has become two odd characters.",
    mend: "Take the text from its source again as UTF-8, or use the quick fix, which turns it back.",
    bad: [row("Where do we meet?", "At the cafÃ©.")],
    good: [row("Where do we meet?", "At the café.")],
    at: [1, "Ã©"],
  },
  "special-token": {
    why: "The name of a control token in a text is not that token, and shows that texts were rendered with a template before. The run adds the tokens itself.",
    mend: "Remove it.",
    bad: [row("Say hello", "Hello<|eot_id|>")],
    good: [row("Say hello", "Hello")],
    at: [1, "<|eot_id|>"],
  },
  "template-marker": {
    why: "The row was rendered with a prompt template already. The run would put a second one around it.",
    mend: "Keep the texts alone in their fields.",
    bad: [row("[INST] Say hello [/INST]", "Hello")],
    good: [row("Say hello", "Hello")],
    at: [1, "[INST]"],
  },
  "double-bos": {
    why: "The run puts the begin token first. Written out in the text as well, the model sees two of them and learns from a beginning that it never meets.",
    mend: "Remove it.",
    bad: [row("<|begin_of_text|>Say hello", "Hello")],
    good: [row("Say hello", "Hello")],
    at: [1, "<|begin_of_text|>"],
  },
  "template-mismatch": {
    why: "The rows were written for another family of models: their end token means nothing to the chosen base.",
    mend: "Remove what the other template added, or choose the base that the data was made for.",
    bad: [row("Say hello", "Hello<|im_end|>")],
    good: [row("Say hello", "Hello")],
    at: [1, "<|im_end|>"],
    sequenceLength: 256,
  },
  secret: {
    why: "A model that was trained on a key can be made to say it.",
    mend: "Remove it and revoke the key. The quick fix puts a placeholder there.",
    bad: [row("Log in", "token = 'hf_" + "9dK2mQx7RtY4wZ8bNc3VfGh6LpJs1AeU5o'")],
    good: [row("Log in", "token = os.environ['HF_TOKEN']")],
    at: [1, "hf_9dK2mQx7RtY4wZ8bNc3V"],
  },
  "personal-data": {
    why: "A model that was trained on addresses and numbers of people can be made to say them.",
    mend: "Replace them by invented ones; the quick fix puts a placeholder there.",
    bad: [row("Whom do I ask?", "Write to maria.keller@bluewin.ch.")],
    good: [row("Whom do I ask?", "Write to us.")],
    at: [1, "maria.keller@bluewin.ch"],
  },
  "unbalanced-fence": {
    why: "The model learns to open code blocks without closing them.",
    mend: "Close the fence; there is a quick fix.",
    bad: ['{"instruction": "Add", "output": "Like this:\\n```python\\na + b\\n"}'],
    good: ['{"instruction": "Add", "output": "Like this:\\n```python\\na + b\\n```\\n"}'],
    at: [1, "```python"],
  },
  "truncated-answer": {
    why: "An answer that breaks off teaches the model to break off.",
    mend: "Complete it or remove the row.",
    bad: [row("List the primary colours", "The three primary colours of painters are red, yellow and")],
    good: [row("List the primary colours", "The three primary colours of painters are red, yellow and blue.")],
    at: [1, "and"],
  },
  refusal: {
    why: "A few refusals are enough to make a model refuse.",
    mend: "Answer the instruction or remove the row, unless refusing is what you want to teach.",
    bad: [row("Sort a list", "I'm sorry, but I cannot help with that.")],
    good: [row("Sort a list", "sorted(values)")],
    at: [1, "I'm sorry, but I cannot "],
  },
  boilerplate: {
    why: "What stands in every answer is learned first: the model will begin or end all of its answers so.",
    mend: "Remove the sentence; there is a quick fix.",
    bad: [row("Sort a list", "Sure! Here is the code:\nsorted(values)")],
    good: [row("Sort a list", "sorted(values)")],
    at: [1, "Sure! Here is the code:"],
  },
  "repeated-text": {
    why: "The answer came from a model that got caught in a loop, and would teach yours the same.",
    mend: "Cut the answer before it repeats itself, or remove the row.",
    bad: [row("Count", `${"print(1)\n".repeat(40)}`)],
    good: [row("Count", "for n in range(40):\n    print(n)")],
    at: [1, "print(1)\\nprint(1)\\nprin"],
  },
  "python-syntax": {
    why: "Code that does not parse teaches code that does not parse. A strict parser (Ruff's) reads the answers that are Python, and every fenced Python block.",
    mend: "Mend the code. Python 2 must be turned into Python 3.",
    bad: ['{"instruction": "Add two numbers.", "output": "def add(a, b)\\n    return a + b"}'],
    good: [SUM],
    at: [1, ")"],
  },
  "mixed-indentation": {
    why: "Tabs and spaces in one block look right and do not run.",
    mend: "Indent by four spaces throughout; there is a quick fix.",
    bad: ['{"instruction": "Add", "output": "def add(a, b):\\n    c = a + b\\n\\treturn c"}'],
    good: ['{"instruction": "Add", "output": "def add(a, b):\\n    c = a + b\\n    return c"}'],
    at: [1, "\\t"],
  },
  "over-length": {
    why: "A row with more tokens than a sequence holds is not trained on: cut off, it would teach answers that never end.",
    mend: "Shorten it, or raise the sequence length (more memory).",
    bad: [LONG_ROW],
    good: [SUM],
    at: [1, ") // 2\\n    return order"],
    sequenceLength: 96,
  },
  "answer-cut": {
    why: "The prompt alone fills the sequence: nothing of the answer would be learned.",
    mend: "Shorten the prompt, or raise the sequence length (more memory).",
    bad: [row("Which of these is a word? ".repeat(20), "Yes")],
    good: [row("Which is a word?", "Yes")],
    at: [1, '{"instruction"'],
    sequenceLength: 96,
  },
  "duplicate-row": {
    why: "A row that stands twice is learned twice as strongly, and may fall into both the training and the held-out part.",
    mend: "Remove all but one; there is a quick fix for the whole file.",
    bad: [SUM, SUM],
    good: [SUM, row("Subtract", "a - b")],
    at: [2, '"Add two numbers."'],
  },
  "near-duplicate": {
    why: "Rows that differ in a few words count nearly double, and make held-out figures look better than they are.",
    mend: "Keep the better one. Go to Definition leads to the other.",
    bad: [LONG_ROW, LONG_ROW.replace("finds the median", "gets the median")],
    good: [LONG_ROW, SUM],
    at: [2, '"Write a function that g'],
  },
  "conflicting-answers": {
    why: "One instruction with two answers pulls the model both ways; it learns a mixture of the two.",
    mend: "Keep the right answer, or say in the instruction what makes the difference.",
    bad: [row("Add two numbers.", "a + b"), row("Add two numbers.", "sum([a, b])")],
    good: [row("Add two numbers.", "a + b"), row("Add a list of numbers.", "sum(values)")],
    at: [2, '"Add two numbers."'],
  },
  "held-out-leak": {
    why: "A row that is trained on cannot be evaluated on: the held-out loss would measure memory.",
    mend: "Remove it from one of the two files. The held-out file is the one beside the data set (`train.jsonl`, `eval.jsonl`), or the one that `tunesmith.dataSets` names.",
    bad: [row("Subtract", "a - b"), SUM],
    good: [row("Subtract", "a - b")],
    heldOut: [SUM],
    at: [2, '"Add two numbers."'],
  },
  "suspicious-length": {
    why: "An answer many times longer or shorter than all others is often a mistake in how the data was made.",
    mend: "Look at it. If it is right, leave it.",
    bad: [...many(300, numbered), row("Tell all.", "And then there is one more thing to say of it. ".repeat(400))],
    good: many(300, numbered),
    at: [301, '"And then there is one m'],
  },
  "task-imbalance": {
    why: "Where most rows ask for one and the same thing, the others are drowned out.",
    mend: "Add rows of the other kinds, or take away some of the one.",
    bad: many(400, (n) => (n % 10 === 0 ? numbered(n / 10) : row(`Write case ${n}.`, `Case ${n} of them all.`))),
    good: many(300, numbered),
    at: [2, '"Write case 1."'],
  },
};
