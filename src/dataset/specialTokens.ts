import { DatasetError } from "./problem";

/** Which tokens begin, end and structure a text, read from the model's files; never guessed from the user's text. */

export interface SpecialToken {
  id: number;
  text: string;
}

export interface FimTokens {
  prefix: SpecialToken;
  suffix: SpecialToken;
  middle: SpecialToken;
}

export interface SpecialTokens {
  /** Put before every document; null where the model was trained without. */
  begin: SpecialToken | null;
  /** Ends an answer where the template has no token of its own for that. */
  end: SpecialToken;
  /** Every token at which generation ends; `end` is the first. */
  endTokens: SpecialToken[];
  fim: FimTokens | null;
  find(text: string): SpecialToken | null;
}

/** The parsed files; a file that is not there is null. */
export interface TokenizerFiles {
  folder: string;
  tokenizer: TokenizerJson;
  config: JsonRecord | null;
  generationConfig: JsonRecord | null;
  tokenizerConfig: JsonRecord | null;
}

export type JsonRecord = Record<string, unknown>;

export interface AddedTokenJson {
  id: number;
  content: string;
  special: boolean;
}

export interface TokenizerJson extends JsonRecord {
  model: { vocab: Record<string, number> | [string, number][] } & JsonRecord;
  added_tokens: AddedTokenJson[];
}

/** Prefix, suffix, middle, in the spellings of the families that have them. */
const fimSpellings: readonly [string, string, string][] = [
  ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"],
  ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"],
  ["<fim-prefix>", "<fim-suffix>", "<fim-middle>"],
  ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"],
  ["▁<PRE>", "▁<SUF>", "▁<MID>"],
];

const fimTexts = new Set(fimSpellings.flat());

/**
 * Tokens that steer the model and must not come from a user's text. Some tokenizers do not mark them `special`, but
 * all spell them in angle brackets with bars, or are the FIM tokens.
 */
export function isControlToken(token: AddedTokenJson): boolean {
  return token.special || fimTexts.has(token.content) || /^<[|｜].*[|｜]>$/su.test(token.content);
}

export function readSpecialTokens(files: TokenizerFiles, vocabulary: Vocabulary): SpecialTokens {
  const endTokens = readEndTokens(files, vocabulary);
  return {
    begin: readBeginToken(files, vocabulary),
    end: endTokens[0]!,
    endTokens,
    fim: findFim(vocabulary),
    find: (text) => vocabulary.byText(text),
  };
}

/** Both directions between token texts and ids, control tokens included. */
export class Vocabulary {
  /** Ids run from 0 to size - 1. */
  readonly size: number;
  /** In UTF-16 units of the token's spelling: a text of more than n times as many has more than n tokens. */
  readonly longestToken: number;
  private readonly ids = new Map<string, number>();
  private readonly texts = new Map<number, string>();

  constructor(tokenizer: TokenizerJson) {
    let highest = -1;
    let longest = 1;
    const add = (text: string, id: number) => {
      this.ids.set(text, id);
      this.texts.set(id, text);
      if (id > highest) highest = id;
      if (text.length > longest) longest = text.length;
    };
    const { vocab } = tokenizer.model;
    if (Array.isArray(vocab)) vocab.forEach(([text], id) => void add(text, id));
    else for (const text in vocab) add(text, vocab[text]!);
    for (const { content, id } of tokenizer.added_tokens) add(content, id);
    this.size = highest + 1;
    this.longestToken = longest;
  }

  byText(text: string): SpecialToken | null {
    const id = this.ids.get(text);
    return id === undefined ? null : { id, text };
  }

  byId(id: number): SpecialToken | null {
    const text = this.texts.get(id);
    return text === undefined ? null : { id, text };
  }
}

function readEndTokens(files: TokenizerFiles, vocabulary: Vocabulary): SpecialToken[] {
  const named = namedToken(files.tokenizerConfig, "eos_token");
  const found: SpecialToken[] = [];
  if (named !== null) found.push(requireText(named, "eos_token", "tokenizer_config.json", files, vocabulary));
  for (const [file, content] of [
    ["config.json", files.config],
    ["generation_config.json", files.generationConfig],
  ] as const) {
    for (const id of idList(content?.eos_token_id)) {
      found.push(requireId(id, "eos_token_id", file, files, vocabulary));
    }
  }
  if (found.length === 0) {
    throw new DatasetError(
      `${files.folder} names no end token: "eos_token_id" is missing in config.json and generation_config.json, and "eos_token" in tokenizer_config.json; without it generation would never end.`,
    );
  }
  return found.filter((token, index) => found.findIndex(({ id }) => id === token.id) === index);
}

/**
 * The model's own tokenizer decides: it was trained with a begin token if and only if its post-processor puts one
 * there. config.json alone proves nothing (Qwen's names a bos_token_id that is never used).
 */
function readBeginToken(files: TokenizerFiles, vocabulary: Vocabulary): SpecialToken | null {
  const { tokenizer, tokenizerConfig, config } = files;
  if (tokenizerConfig?.add_bos_token === false) return null;
  const leading = leadingToken(tokenizer.post_processor);
  if (leading !== undefined) {
    return leading === null ? null : requireText(leading, "post_processor", "tokenizer.json", files, vocabulary);
  }
  const named = namedToken(tokenizerConfig, "bos_token");
  if (named !== null) return requireText(named, "bos_token", "tokenizer_config.json", files, vocabulary);
  if (tokenizerConfig !== null) return null;
  const [id] = idList(config?.bos_token_id);
  return id === undefined ? null : requireId(id, "bos_token_id", "config.json", files, vocabulary);
}

/** The token a post-processor puts first; null: it puts none; undefined: there is no post-processor to ask. */
function leadingToken(processor: unknown): string | null | undefined {
  if (!isRecord(processor)) return undefined;
  if (processor.type === "Sequence" && Array.isArray(processor.processors)) {
    const answers = processor.processors.map(leadingToken);
    return answers.find((answer) => typeof answer === "string") ?? null;
  }
  if (processor.type === "TemplateProcessing" && Array.isArray(processor.single)) {
    const first: unknown = processor.single[0];
    const special = isRecord(first) && isRecord(first.SpecialToken) ? first.SpecialToken.id : null;
    return typeof special === "string" ? special : null;
  }
  return null;
}

function findFim(vocabulary: Vocabulary): FimTokens | null {
  for (const spelling of fimSpellings) {
    const [prefix, suffix, middle] = spelling.map((text) => vocabulary.byText(text));
    if (prefix && suffix && middle) return { prefix, suffix, middle };
  }
  return null;
}

/** tokenizer_config.json spells a token as a text or as {"content": text}. */
function namedToken(config: JsonRecord | null, key: string): string | null {
  const value = config?.[key];
  if (typeof value === "string") return value;
  return isRecord(value) && typeof value.content === "string" ? value.content : null;
}

function idList(value: unknown): number[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((id): id is number => Number.isInteger(id) && (id as number) >= 0);
}

function requireId(id: number, field: string, file: string, files: TokenizerFiles, vocabulary: Vocabulary) {
  const token = vocabulary.byId(id);
  if (token !== null) return token;
  throw new DatasetError(
    `${files.folder}/${file} names ${id} as "${field}", but tokenizer.json beside it has no token with that id: the two do not belong together.`,
  );
}

function requireText(text: string, field: string, file: string, files: TokenizerFiles, vocabulary: Vocabulary) {
  const token = vocabulary.byText(text);
  if (token !== null) return token;
  throw new DatasetError(
    `${files.folder}/${file} names ${JSON.stringify(text)} in "${field}", but tokenizer.json has no such token: the two do not belong together.`,
  );
}

export function isRecord(value: unknown): value is JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
