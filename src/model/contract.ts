import { join } from "node:path";
import { loadTokenizer } from "../dataset/tokenizer";
import { type Contract, RUN_VERSION } from "../protocol/run";
import { readLlamaConfig } from "./config";
import { type JsonFields, readJsonObject } from "./jsonFile";

const TOKEN = { min: 0, max: 1 << 24 };

/** Reads and checks contract.json: completion obeys it, so nothing in it is taken on trust. */
export function readContract(path: string): Contract {
  const fields = readJsonObject(path);
  if (fields.raw("version") !== RUN_VERSION) fields.fail("version", String(RUN_VERSION));
  const vocabularySize = fields.integer("vocabularySize", { min: 1, max: 1 << 24 });
  const modes = fields.object("modes");
  const contract: Contract = {
    version: RUN_VERSION,
    baseModel: fields.string("baseModel"),
    contextLength: fields.integer("contextLength", { min: 8, max: 1 << 24 }),
    vocabularySize,
    beginToken: fields.has("beginToken") ? token(fields.object("beginToken"), vocabularySize) : null,
    endTokens: list(fields, "endTokens").map((fields) => token(fields, vocabularySize)),
    modes: {},
  };
  if (contract.endTokens.length === 0) fields.fail("endTokens", "a list of at least one token");
  if (modes.has("instruct")) contract.modes.instruct = { template: modes.object("instruct").string("template") };
  if (modes.has("prefix")) contract.modes.prefix = {};
  if (modes.has("fim")) {
    const fim = modes.object("fim");
    const id = (name: string) => fim.integer(name, { ...TOKEN, max: vocabularySize - 1 });
    contract.modes.fim = { prefix: id("prefix"), suffix: id("suffix"), middle: id("middle") };
  }
  return contract;
}

function token(fields: JsonFields, vocabularySize: number): { id: number; text: string } {
  return { id: fields.integer("id", { min: 0, max: vocabularySize - 1 }), text: fields.string("text") };
}

function list(fields: JsonFields, name: string): JsonFields[] {
  const value = fields.raw(name);
  if (!Array.isArray(value)) fields.fail(name, "a list");
  return (value as unknown[]).map((entry, i) => {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) fields.fail(name, "a list of objects");
    return fields.within(entry as Record<string, unknown>, `${name}[${i}]`);
  });
}

/** How a base model may be used that was not tuned: it continues a prefix, and fills in the middle where it can. */
export async function baseContract(modelDir: string): Promise<Contract> {
  const config = readLlamaConfig(modelDir);
  const { special } = await loadTokenizer(modelDir);
  const plain = ({ id, text }: { id: number; text: string }) => ({ id, text });
  const { fim } = special;
  return {
    version: RUN_VERSION,
    baseModel: modelDir,
    contextLength: config.maxPositions,
    vocabularySize: config.vocabularySize,
    beginToken: special.begin ? plain(special.begin) : null,
    endTokens: special.endTokens.map(plain),
    modes: {
      prefix: {},
      ...(fim ? { fim: { prefix: fim.prefix.id, suffix: fim.suffix.id, middle: fim.middle.id } } : {}),
    },
  };
}

export function contractPath(directory: string): string {
  return join(directory, "contract.json");
}
