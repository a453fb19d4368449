import { resolve } from "node:path";
import {
  DEFAULT_ENDPOINT,
  type DownloadPlan,
  type DownloadProgress,
  defaultCacheRoot,
  downloadModel,
  HubConnection,
  HubError,
  isRepositoryName,
  isRevision,
  planDownload,
} from "../../hub";
import { readLlamaConfig } from "../../model/config";
import { type Command, type CommandContext, stringOption, UsageError } from "../command";

/** How often progress is told, in milliseconds. */
const PROGRESS_MS = 200;

export const command: Command = {
  name: ["model", "download"],
  summary: "fetch a base model from the Hugging Face Hub into its shared cache, or go on with that",
  positionals: { usage: "OWNER/NAME", min: 1, max: 1 },
  options: {
    revision: { type: "string", value: "NAME", description: "branch, tag or commit; main if not given" },
    cache: {
      type: "string",
      value: "DIR",
      description: "the cache's folder; the one of Hugging Face's tools if not given",
    },
    endpoint: {
      type: "string",
      value: "URL",
      description: `the Hub's or a mirror's address; ${DEFAULT_ENDPOINT} if not given`,
    },
    "token-env": { type: "string", value: "NAME", description: "the environment variable that holds the access token" },
    plan: { type: "boolean", description: "say what would be fetched, and under which licence, and fetch nothing" },
  },
  async run(context) {
    const repository = context.positionals[0]!;
    if (!isRepositoryName(repository)) throw new UsageError(`A model is named OWNER/NAME, not "${repository}".`);
    const revision = stringOption(context, "revision") ?? "main";
    if (!isRevision(revision)) throw new UsageError(`--revision must be a branch, tag or commit, not "${revision}".`);
    const cacheRoot = resolve(context.cwd, stringOption(context, "cache") ?? defaultCacheRoot());
    const hub = new HubConnection({
      endpoint: stringOption(context, "endpoint"),
      token: readToken(context),
      proxies: process.env,
    });
    const request = { repository, revision, cacheRoot, signal: context.signal };
    const plan = await planOrRefusal(hub, request, context);
    if (plan === null) return 0;
    if (context.values.plan === true) {
      context.result({ access: "granted", ...plan }, planText(plan));
      return 0;
    }
    context.print(planText(plan));
    const { report, wait, end } = reporter(context);
    try {
      await downloadModel(hub, plan, {
        cacheRoot,
        signal: context.signal,
        onProgress: report,
        onWait: wait,
        onFile: async (path) => {
          // Before gigabytes are fetched: the config alone says whether the engine takes the model.
          if (path === "config.json") readLlamaConfig(plan.folder);
        },
      });
    } finally {
      end();
    }
    context.result({ folder: plan.folder, commit: plan.commit, bytes: plan.bytes }, `${plan.folder} is complete.`);
    return 0;
  },
};

/** With --plan a missing token is an answer, since the asker may have one; null: it was given. */
async function planOrRefusal(
  hub: HubConnection,
  request: Parameters<typeof planDownload>[1],
  context: CommandContext,
): Promise<DownloadPlan | null> {
  try {
    context.progress("Asking the Hub", null);
    const onWait = (error: HubError, milliseconds: number) => tellWait(context, error, milliseconds);
    const plan = await planDownload(hub, { ...request, onWait });
    if (plan.modelType !== null && plan.modelType !== "llama") {
      throw new HubError(
        "final",
        `${plan.repository} is of the family "${plan.modelType}"; choose a model of the Llama family.`,
      );
    }
    return plan;
  } catch (error) {
    const isRefused = error instanceof HubError && (error.kind === "needs-token" || error.kind === "no-access");
    if (!isRefused || context.values.plan !== true) throw error;
    context.result({ access: error.kind, message: error.message }, error.message);
    return null;
  }
}

function readToken(context: CommandContext): string | undefined {
  const name = stringOption(context, "token-env");
  if (name === undefined) return undefined;
  const token = process.env[name]?.trim();
  if (!token) throw new UsageError(`--token-env names ${name}, which is not set.`);
  return token;
}

function planText(plan: DownloadPlan): string {
  const { repository, commit, licence, gated, bytes, missingBytes, folder } = plan;
  const there = missingBytes === bytes ? "" : `, of which ${sizeText(bytes - missingBytes)} are there`;
  return [
    `${repository} at ${commit.slice(0, 12)}: ${plan.files.length} files, ${sizeText(bytes)}${there}.`,
    `Licence: ${licence ?? "not stated; see the model's page"}${gated ? ", accepted on the model's page" : ""}.`,
    `Folder: ${folder}`,
  ].join("\n");
}

/** Tells the latest progress a few times a second; what came last before a standstill is told too. */
function reporter(context: CommandContext) {
  let latest: DownloadProgress | undefined;
  let timer: NodeJS.Timeout | undefined;
  const tell = () => {
    timer = undefined;
    if (latest !== undefined) tellProgress(context, latest);
    latest = undefined;
  };
  const end = () => {
    clearTimeout(timer);
    tell();
  };
  return {
    report(progress: DownloadProgress) {
      latest = progress;
      timer ??= setTimeout(tell, PROGRESS_MS);
    },
    wait(error: HubError, milliseconds: number) {
      end();
      tellWait(context, error, milliseconds);
    },
    end,
  };
}

/** "huggingface.co has had too many requests; trying again in 120 s" */
function tellWait(context: CommandContext, error: HubError, milliseconds: number): void {
  context.progress(`${error.what}; trying again in ${timeText(milliseconds / 1000)}`, null);
}

function tellProgress(context: CommandContext, progress: DownloadProgress): void {
  const { stage, path, bytes, totalBytes, bytesPerSecond, secondsLeft } = progress;
  if (stage === "checking") {
    context.progress(`Checking ${path}`, bytes / totalBytes);
    return;
  }
  const parts = [`${sizeText(bytes)} of ${sizeText(totalBytes)}`];
  if (bytesPerSecond !== null && bytesPerSecond > 0) parts.push(`${sizeText(bytesPerSecond)}/s`);
  if (secondsLeft !== null) parts.push(`${timeText(secondsLeft)} left`);
  context.progress("Downloading", bytes / totalBytes, parts.join(" · "));
}

/** In powers of 1000, as the Hub shows sizes. */
function sizeText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1000)} kB`;
}

function timeText(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
