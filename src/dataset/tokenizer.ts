import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "./problem";
import {
  type AddedTokenJson,
  isControlToken,
  isRecord,
  type JsonRecord,
  readSpecialTokens,
  type SpecialTokens,
  type TokenizerFiles,
  type TokenizerJson,
  Vocabulary,
} from "./specialTokens";

/** The product's one tokenizer: Hugging Face's own, loaded when the first one is needed. */
export interface Tokenizer {
  /** tokenizer.json */
  readonly path: string;
  readonly sha256: string;
  /** Ids run from 0 to size - 1. */
  readonly vocabularySize: number;
  readonly special: SpecialTokens;
  /** A text longer than n times this has more than n tokens. */
  readonly longestToken: number;
  /**
   * No begin token, no end token. Control tokens spelled out in a text are encoded as the plain text they are; where a
   * vocabulary makes that impossible, `isControl` tells.
   */
  encode(texts: readonly string[]): Promise<number[][]>;
  isControl(id: number): boolean;
  /** The token as the vocabulary spells it; null: there is none with that id. */
  spelling(id: number): string | null;
  /** Control tokens are left out unless asked for. */
  decode(ids: readonly number[], options?: { controlTokens: boolean }): Promise<string>;
}

/** Config vocabularies are padded up to round numbers; below this share the tokenizer is another model's. */
const SMALLEST_SHARE = 0.9;

/** Reads tokenizer.json and, where they are, config.json, generation_config.json and tokenizer_config.json. */
export async function loadTokenizer(modelDir: string): Promise<Tokenizer> {
  const path = join(modelDir, "tokenizer.json");
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new DatasetError(`${modelDir} has no tokenizer.json: choose a folder with a Hugging Face model.`);
  });
  const tokenizer = parseTokenizerJson(path, bytes.toString("utf8"));
  const [config, generationConfig, tokenizerConfig] = await Promise.all(
    ["config.json", "generation_config.json", "tokenizer_config.json"].map((name) =>
      readOptionalJson(join(modelDir, name)),
    ),
  );
  const vocabulary = new Vocabulary(tokenizer);
  const files: TokenizerFiles = {
    folder: modelDir,
    tokenizer,
    config: config ?? null,
    generationConfig: generationConfig ?? null,
    tokenizerConfig: tokenizerConfig ?? null,
  };
  checkVocabularySize(files, vocabulary.size);
  const special = readSpecialTokens(files, vocabulary);
  const native = await createNative(path, tokenizer);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return new HuggingFaceTokenizer(path, sha256, vocabulary, special, native, tokenizer.added_tokens);
}

type NativeTokenizer = import("tokenizers").Tokenizer;

class HuggingFaceTokenizer implements Tokenizer {
  private readonly control: ReadonlyMap<number, string>;

  constructor(
    readonly path: string,
    readonly sha256: string,
    private readonly vocabulary: Vocabulary,
    readonly special: SpecialTokens,
    private readonly native: NativeTokenizer,
    added: readonly AddedTokenJson[],
  ) {
    this.control = new Map(added.filter(isControlToken).map(({ id, content }) => [id, content]));
  }

  get vocabularySize(): number {
    return this.vocabulary.size;
  }

  get longestToken(): number {
    return this.vocabulary.longestToken;
  }

  async encode(texts: readonly string[]): Promise<number[][]> {
    if (texts.length === 0) return [];
    const encodings = await this.native.encodeBatch([...texts], { addSpecialTokens: false });
    return encodings.map((encoding) => encoding.getIds());
  }

  isControl(id: number): boolean {
    return this.control.has(id);
  }

  spelling(id: number): string | null {
    return this.vocabulary.byId(id)?.text ?? null;
  }

  async decode(ids: readonly number[], options = { controlTokens: false }): Promise<string> {
    let text = "";
    let run: number[] = [];
    const flush = async () => {
      if (run.length > 0) text += await this.native.decode(run, false);
      run = [];
    };
    for (const id of ids) {
      const control = this.control.get(id);
      if (control === undefined) {
        run.push(id);
        continue;
      }
      await flush();
      if (options.controlTokens) text += control;
    }
    await flush();
    return text;
  }
}

/**
 * The binding has no switch that leaves control tokens in a text alone, and leaving them out of the file would shift
 * the ids of later added tokens. So each gets a name that no text contains; the ids stay.
 */
async function createNative(path: string, tokenizer: TokenizerJson): Promise<NativeTokenizer> {
  const { vocab } = tokenizer.model;
  const modelTexts = Array.isArray(vocab) ? new Set(vocab.map(([text]) => text)) : null;
  const inModel = (text: string) => modelTexts?.has(text) ?? Object.hasOwn(vocab, text);
  const added = tokenizer.added_tokens
    // A token that the model's own vocabulary holds keeps its id without being an added token.
    .filter((token) => !isControlToken(token) || !inModel(token.content))
    .map((token) => (isControlToken(token) ? { ...token, content: unspeakable(token.id), normalized: false } : token));
  const plain = { ...tokenizer, added_tokens: added, post_processor: null, truncation: null, padding: null };
  const { Tokenizer: Native } = await import("tokenizers");
  let native: NativeTokenizer;
  try {
    native = Native.fromString(JSON.stringify(plain));
  } catch (error) {
    throw new DatasetError(`${path} cannot be read as a tokenizer: ${(error as Error).message}.`);
  }
  const moved = added.find(({ content, id }) => native.tokenToId(content) !== id);
  if (moved !== undefined) {
    throw new DatasetError(`${path} gives token ${moved.id} an id that its vocabulary does not leave free.`);
  }
  return native;
}

/** U+FDD0 is a noncharacter: never assigned, not for interchange. */
function unspeakable(id: number): string {
  return `\ufdd0tunesmith-control-${id}\ufdd0`;
}

function parseTokenizerJson(path: string, text: string): TokenizerJson {
  const json = parseJsonObject(path, text);
  if (!isRecord(json.model) || !(isRecord(json.model.vocab) || Array.isArray(json.model.vocab))) {
    throw new DatasetError(`${path} has no "model.vocab": it is not a Hugging Face tokenizer.json.`);
  }
  const added: unknown[] = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  for (const token of added) {
    if (!isRecord(token) || !Number.isInteger(token.id) || typeof token.content !== "string") {
      throw new DatasetError(`${path} has an entry in "added_tokens" without "id" and "content".`);
    }
  }
  return { ...json, model: json.model, added_tokens: added } as TokenizerJson;
}

async function readOptionalJson(path: string): Promise<JsonRecord | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  return parseJsonObject(path, text);
}

function parseJsonObject(path: string, text: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DatasetError(`${path} is not valid JSON: the file is damaged or incomplete.`);
  }
  if (!isRecord(value)) throw new DatasetError(`${path} must hold one JSON object.`);
  return value;
}

function checkVocabularySize({ folder, config }: TokenizerFiles, size: number): void {
  const expected = config?.vocab_size;
  if (expected === undefined || expected === null) return;
  if (typeof expected === "number" && size <= expected && size >= expected * SMALLEST_SHARE) return;
  throw new DatasetError(
    `${join(folder, "tokenizer.json")} has ${size.toLocaleString("en")} tokens, but "vocab_size" in ${join(folder, "config.json")} is ${String(expected)}: they belong to different models; use the model's own tokenizer.`,
  );
}
