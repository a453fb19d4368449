import { bestFormat, detectDialect } from "../formats/detect";
import type { Dialect, JsonObject } from "../formats/format";
import type { ChatMessage, Sample } from "../sample";
import type { RowFix } from "./fix";

/** A row written in another format than the file's, in the file's format: only where nothing is lost. */
export const convertRowFix: RowFix = {
  id: "convert-row",
  checks: ["other-format"],
  title: "Write the rows in the file's format",
  safe: false,
  propose(row) {
    const { dialect, tree, value } = row;
    const other = value && bestFormat(value);
    if (!tree || !dialect || !other) return null;
    const from = detectDialect([value], { format: other.id });
    if (!from || other.check(value, from.layout).length > 0) return null;
    const parts = partsOf(other.read(value, from.layout), dialect);
    const written = parts && write(value, parts, from, dialect);
    if (!written || dialect.format.check(written, dialect.layout).length > 0) return null;
    const { offset, length } = tree.root;
    const change = [{ offset, length, text: JSON.stringify(written) }];
    return { title: `Write the row as ${dialect.format.name}`, change, certain: true };
  },
};

interface Exchange {
  system: string;
  instruction: string;
  answer: string;
}

/** Null: a sample of more turns, or one that cannot be put into turns. */
function exchangeOf(sample: Sample): Exchange | null {
  switch (sample.shape) {
    case "instruction": {
      const { system, instruction, input, answer } = sample;
      return { system, instruction: input === "" ? instruction : `${instruction}\n\n${input}`, answer };
    }
    case "completion":
      return sample.prompt === "" ? null : { system: "", instruction: sample.prompt, answer: sample.completion };
    case "chat":
      return singleExchange(sample.messages);
    case "fim":
      return null;
  }
}

function singleExchange(messages: readonly ChatMessage[]): Exchange | null {
  const rest = messages[0]?.role === "system" ? messages.slice(1) : messages;
  const system = rest === messages ? "" : messages[0]!.content;
  const [question, answer] = rest;
  if (rest.length !== 2 || question?.role !== "user" || answer?.role !== "assistant" || answer.unlearned) return null;
  return { system, instruction: question.content, answer: answer.content };
}

/** The values of the format's parts. */
function partsOf(sample: Sample, { format }: Dialect): Record<string, unknown> | null {
  if (format.id === "chat" || format.id === "sharegpt") return { messages: messagesOf(sample, format.id === "chat") };
  const exchange = exchangeOf(sample);
  if (exchange === null) return null;
  const { system, instruction, answer } = exchange;
  if (format.id === "alpaca") return { ...(system === "" ? {} : { system }), instruction, input: "", answer };
  if (format.id === "prompt-completion" && system === "") return { prompt: instruction, completion: answer };
  return null;
}

function messagesOf(sample: Sample, asChat: boolean): JsonObject[] | undefined {
  const exchange = sample.shape === "chat" ? null : exchangeOf(sample);
  const messages: readonly ChatMessage[] | undefined =
    sample.shape === "chat"
      ? sample.messages
      : exchange
        ? [
            ...(exchange.system === "" ? [] : [{ role: "system" as const, content: exchange.system }]),
            { role: "user", content: exchange.instruction },
            { role: "assistant", content: exchange.answer },
          ]
        : undefined;
  if (messages?.some(({ unlearned }) => unlearned)) return undefined;
  const speakers = { system: "system", user: "human", assistant: "gpt", tool: "tool" };
  return messages?.map(({ role, content }) => (asChat ? { role, content } : { from: speakers[role], value: content }));
}

/** The row with the parts of one format in the place of those of the other; further fields stay. */
function write(row: JsonObject, parts: Record<string, unknown>, from: Dialect, to: Dialect): JsonObject | null {
  const written: JsonObject = {};
  for (const [name, value] of Object.entries(parts)) {
    const path = to.layout[name] ?? [name];
    if (path.length !== 1 || value === undefined) return null;
    written[String(path[0])] = value;
  }
  const replaced = new Set(Object.values(from.layout).map((path) => String(path[0])));
  for (const [key, value] of Object.entries(row)) {
    if (replaced.has(key)) continue;
    if (Object.hasOwn(written, key)) return null;
    written[key] = value;
  }
  return written;
}
