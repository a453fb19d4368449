import { listFiles, modelInfo } from "@huggingface/hub";
import * as v from "valibot";
import type { HubConnection } from "./hubConnection";
import { HubError } from "./hubError";
import type { RemoteFile } from "./modelFiles";
import type { Retry } from "./retry";

/** What the Hub says of a model, before anything of it is fetched. */
export interface RepositoryDescription {
  repository: string;
  /** The revision that was asked for, as its commit: 40 hex digits. */
  commit: string;
  /** As the model's card names it, such as "apache-2.0"; null where it does not. */
  licence: string | null;
  /** The terms must be accepted on the model's page first. */
  gated: boolean;
  /** `model_type` of its config.json; null where the Hub does not know it. */
  modelType: string | null;
  /** How many numbers its weights hold; null where the Hub does not know it. */
  parameters: number | null;
  /** The files of its root folder. */
  files: RemoteFile[];
}

const MOST_FILES = 10_000;
const commitPattern = /^[0-9a-f]{40}$/;

const card = v.fallback(
  v.object({
    license: v.fallback(v.optional(v.union([v.string(), v.array(v.string())])), undefined),
    license_name: v.fallback(v.optional(v.string()), undefined),
  }),
  {},
);
const information = v.object({
  sha: v.pipe(v.string(), v.regex(commitPattern)),
  gated: v.fallback(v.union([v.boolean(), v.string()]), false),
  cardData: v.optional(card, {}),
  tags: v.fallback(v.array(v.string()), []),
  config: v.fallback(v.object({ model_type: v.optional(v.string()) }), {}),
  safetensors: v.fallback(
    v.optional(v.object({ total: v.pipe(v.number(), v.safeInteger(), v.minValue(1)) })),
    undefined,
  ),
});
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const listedFile = v.object({
  type: v.literal("file"),
  path: v.string(),
  size,
  oid: v.pipe(v.string(), v.regex(commitPattern)),
  lfs: v.optional(v.object({ oid: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)), size })),
});

/** True for "owner/name" and for the few models that have no owner. */
export function isRepositoryName(text: string): boolean {
  return /^(?:[A-Za-z0-9][\w.-]{0,95}\/)?[A-Za-z0-9][\w.-]{0,95}$/.test(text) && !/--|\.\.|\.git$/.test(text);
}

/** Throws HubError where the model cannot be read, or where the answer is not a Hub's. */
export async function describeRepository(
  hub: HubConnection,
  repository: string,
  revision: string,
  retry: Retry,
): Promise<RepositoryDescription> {
  const shared = { hubUrl: hub.endpoint, fetch: hub.fetchFor(repository, retry) };
  try {
    const answer = await modelInfo({
      ...shared,
      name: repository,
      revision,
      additionalFields: ["sha", "cardData", "tags", "config", "safetensors"],
    });
    const { sha, gated, cardData, tags, config, safetensors } = v.parse(information, answer);
    return {
      repository,
      commit: sha,
      licence: licenceOf(cardData, tags),
      gated: gated !== false,
      modelType: config.model_type ?? null,
      parameters: safetensors?.total ?? null,
      files: await readFiles(listFiles({ ...shared, repo: { type: "model", name: repository }, revision: sha })),
    };
  } catch (error) {
    retry.signal?.throwIfAborted();
    if (error instanceof HubError) throw error;
    throw new HubError("final", `${hub.host} does not answer like a Hugging Face Hub; check the endpoint.`);
  }
}

async function readFiles(listing: AsyncIterable<unknown>): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  let seen = 0;
  for await (const entry of listing) {
    if (++seen > MOST_FILES) throw new HubError("final", `The repository lists more than ${MOST_FILES} files.`);
    const parsed = v.safeParse(listedFile, entry);
    if (!parsed.success || parsed.output.path.includes("/")) continue;
    const { path, oid, lfs } = parsed.output;
    files.push(
      lfs === undefined
        ? { path, size: parsed.output.size, checksum: { kind: "git-blob", value: oid } }
        : { path, size: lfs.size, checksum: { kind: "sha256", value: lfs.oid } },
    );
  }
  return files;
}

/** "other" says nothing; the card then has a name for it. */
function licenceOf({ license, license_name: name }: v.InferOutput<typeof card>, tags: string[]): string | null {
  const stated = Array.isArray(license) ? license.join(", ") : license;
  if (stated !== undefined && stated !== "" && stated !== "other") return stated;
  if (name !== undefined && name !== "") return name;
  const tag = tags.find((text) => text.startsWith("license:"))?.slice("license:".length);
  return tag ?? stated ?? null;
}
