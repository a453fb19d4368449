import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Contract, RUN_VERSION } from "../protocol/run";
import { DatasetError } from "./problem";
import { isRecord, type SpecialToken } from "./specialTokens";
import type { Template } from "./templates/template";
import type { Tokenizer } from "./tokenizer";

export interface ModelLimits {
  vocabularySize: number;
  contextLength: number;
}

/** What preparation needs of config.json. */
export async function readModelLimits(modelDir: string): Promise<ModelLimits> {
  const path = join(modelDir, "config.json");
  let config: unknown;
  try {
    config = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new DatasetError(`${path} is not valid JSON: the file is damaged or incomplete.`);
  }
  return {
    vocabularySize: positive(config, "vocab_size", path),
    contextLength: positive(config, "max_position_embeddings", path),
  };
}

function positive(config: unknown, key: string, path: string): number {
  const value = isRecord(config) ? config[key] : undefined;
  if (Number.isInteger(value) && (value as number) > 0) return value as number;
  throw new DatasetError(
    `${path} must have "${key}" as a whole number above 0: it is the config.json of a Hugging Face model.`,
  );
}

export function makeContract(
  modelDir: string,
  limits: ModelLimits,
  { special }: Tokenizer,
  template: Template,
): Contract {
  const { fim } = special;
  return {
    version: RUN_VERSION,
    baseModel: basename(modelDir),
    contextLength: limits.contextLength,
    vocabularySize: limits.vocabularySize,
    beginToken: special.begin,
    endTokens: distinct([template.end(special), ...special.endTokens]),
    modes: {
      instruct: { template: template.id },
      prefix: {},
      ...(fim === null ? {} : { fim: { prefix: fim.prefix.id, suffix: fim.suffix.id, middle: fim.middle.id } }),
    },
  };
}

function distinct(tokens: SpecialToken[]): SpecialToken[] {
  return tokens.filter((token, index) => tokens.findIndex(({ id }) => id === token.id) === index);
}
