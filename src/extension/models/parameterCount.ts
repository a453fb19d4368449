/** How many weights a Llama-family model has, from its config.json; null where the config does not say. */
export function parameterCount(config: unknown): number | null {
  if (typeof config !== "object" || config === null) return null;
  const fields = config as Record<string, unknown>;
  const size = (name: string) => {
    const value = fields[name];
    return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : null;
  };
  const hidden = size("hidden_size");
  const inner = size("intermediate_size");
  const layers = size("num_hidden_layers");
  const heads = size("num_attention_heads");
  const vocabulary = size("vocab_size");
  if (hidden === null || inner === null || layers === null || heads === null || vocabulary === null) return null;
  const headDim = size("head_dim") ?? Math.floor(hidden / heads);
  const keyValueHeads = size("num_key_value_heads") ?? heads;
  const attention = 2 * hidden * heads * headDim + 2 * hidden * keyValueHeads * headDim;
  const norms = 2 * hidden;
  const embeddings = (fields.tie_word_embeddings === true ? 1 : 2) * vocabulary * hidden;
  return embeddings + layers * (attention + 3 * hidden * inner + norms) + hidden;
}
