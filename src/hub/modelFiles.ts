/** What a repository lists of one file. */
export interface RemoteFile {
  /** A name in the repository's root folder. */
  path: string;
  size: number;
  checksum: Checksum;
}

/** Git LFS names its files by SHA-256, Git itself by SHA-1 of "blob SIZE\0" and the content. In lower-case hex. */
export interface Checksum {
  kind: "sha256" | "git-blob";
  value: string;
}

const described =
  /^(?:(?:config|generation_config|tokenizer|tokenizer_config|special_tokens_map)\.json|README\.md|(?:LICEN[CS]E|NOTICE)(?:[._-][\w.-]*)?)$/;
const single = "model.safetensors";
const index = "model.safetensors.index.json";
const shard = /^model-\d{5}-of-\d{5}\.safetensors$/;

/**
 * The files that the engine, the exporter and a reader of the licence need; other forms of the same weights stay away.
 * The engine reads model.safetensors where there is one, else the shards.
 */
export function neededFiles<File extends { path: string }>(files: readonly File[]): File[] {
  const hasSingle = files.some(({ path }) => path === single);
  const isWeights = (path: string) => (hasSingle ? path === single : path === index || shard.test(path));
  return files.filter(({ path }) => described.test(path) || isWeights(path));
}

/** What keeps a repository from being a model that can be tuned: the missing file, or null. */
export function missingFile(files: readonly { path: string }[]): string | null {
  const has = (name: string) => files.some(({ path }) => path === name);
  const required = ["config.json", "tokenizer.json"].find((name) => !has(name));
  if (required !== undefined) return required;
  const sharded = has(index) && files.some(({ path }) => shard.test(path));
  return has(single) || sharded ? null : single;
}
