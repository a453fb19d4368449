import { mkdir, statfs } from "node:fs/promises";
import { withDownloadLock } from "./downloadLock";
import { type HubConnection, METADATA_ATTEMPTS } from "./hubConnection";
import { HubError } from "./hubError";
import { ModelCache } from "./modelCache";
import { missingFile, neededFiles, type RemoteFile } from "./modelFiles";
import { describeRepository, type RepositoryDescription } from "./repository";
import { type Retry, realWait, type Wait, withRetries } from "./retry";
import { transferFile } from "./transferFile";
import { TransferRate } from "./transferRate";

export interface DownloadRequest {
  repository: string;
  /** A branch, tag or commit. */
  revision: string;
  /** The folder that the tools of Hugging Face share. */
  cacheRoot: string;
  wait?: Wait;
  signal?: AbortSignal | undefined;
  onWait?: Retry["onWait"];
}

/** What a download would bring; nothing of the model has been fetched yet. */
export interface DownloadPlan extends Omit<RepositoryDescription, "files"> {
  revision: string;
  /** Those of the repository's files that are needed. */
  files: RemoteFile[];
  bytes: number;
  /** What is not in the cache yet. */
  missingBytes: number;
  /** Where the model will lie. */
  folder: string;
}

export interface DownloadProgress {
  stage: "downloading" | "checking";
  /** The file that is being worked at. */
  path: string;
  /** Of the whole model, with what was in the cache before. */
  bytes: number;
  totalBytes: number;
  bytesPerSecond: number | null;
  secondsLeft: number | null;
}

/** Asks the Hub what it has and the cache what is there. Throws HubError where the model cannot be had or used. */
export async function planDownload(hub: HubConnection, request: DownloadRequest): Promise<DownloadPlan> {
  const { repository, revision, cacheRoot, wait = realWait, signal, onWait } = request;
  const retry = { wait, signal, onWait };
  const described = await describeRepository(hub, repository, revision, retry);
  const files = neededFiles(described.files);
  const missing = missingFile(files);
  if (missing !== null) {
    throw new HubError("final", `${repository} has no ${missing}; choose a model in safetensors with its tokenizer.`);
  }
  if (described.gated) {
    await withRetries(() => requireAccess(hub, described, signal), { ...retry, attempts: METADATA_ATTEMPTS });
  }
  const cache = new ModelCache(cacheRoot, repository);
  return {
    ...described,
    revision,
    files,
    bytes: sumOf(files.map(({ size }) => size)),
    missingBytes: sumOf(await Promise.all(files.map((file) => missingBytesOf(cache, described.commit, file)))),
    folder: cache.snapshot(described.commit),
  };
}

/** Whoever may not read one file may read none; asked now, it costs no one a confirmation in vain. */
async function requireAccess(
  hub: HubConnection,
  { repository, commit }: RepositoryDescription,
  signal: AbortSignal | undefined,
): Promise<void> {
  const address = `${hub.endpoint}/${repository}/resolve/${commit}/config.json`;
  (await hub.open(address, repository, { method: "HEAD", signal })).response.destroy();
}

async function missingBytesOf(cache: ModelCache, commit: string, file: RemoteFile): Promise<number> {
  return (await cache.holds(commit, file)) ? 0 : file.size - (await cache.begun(file));
}

export interface DownloadOptions {
  cacheRoot: string;
  onProgress?(progress: DownloadProgress): void;
  /** Called when a file is in place; what it throws ends the download. */
  onFile?(path: string): Promise<void>;
  wait?: Wait;
  signal?: AbortSignal | undefined;
  onWait?: Retry["onWait"];
  /** Milliseconds of any clock. */
  now?(): number;
}

/** Fetches what the plan lacks. Ended at any moment it leaves nothing but `.incomplete` files, which are gone on with. */
export async function downloadModel(hub: HubConnection, plan: DownloadPlan, options: DownloadOptions): Promise<void> {
  const cache = new ModelCache(options.cacheRoot, plan.repository);
  await mkdir(options.cacheRoot, { recursive: true });
  await requireSpace(options.cacheRoot, plan.missingBytes);
  await withDownloadLock(cache.lockFile, plan.repository, async () => {
    await cache.prepare(plan.commit);
    await fetchFiles({ hub, plan, cache, options, report: progressOf(plan, options) });
    await cache.remember(plan.revision, plan.commit);
  });
}

type Report = (stage: DownloadProgress["stage"], path: string, bytes: number) => void;

interface Download {
  hub: HubConnection;
  plan: DownloadPlan;
  cache: ModelCache;
  options: DownloadOptions;
  report: Report;
}

async function fetchFiles(download: Download): Promise<void> {
  const { plan, cache, options, report } = download;
  let before = 0;
  for (const file of inOrder(plan.files)) {
    options.signal?.throwIfAborted();
    if (!(await cache.holds(plan.commit, file))) await fetchFile(download, file, before);
    await cache.show(plan.commit, file);
    before += file.size;
    report("downloading", file.path, before);
    await options.onFile?.(file.path);
  }
}

/** `before`: the bytes of the files that come before it. */
async function fetchFile({ hub, plan, cache, options, report }: Download, file: RemoteFile, before: number) {
  await transferFile({
    hub,
    repository: plan.repository,
    commit: plan.commit,
    file,
    target: cache.incomplete(file),
    onBytes: (have) => report("downloading", file.path, before + have),
    onChecking: () => report("checking", file.path, before + file.size),
    wait: options.wait ?? realWait,
    signal: options.signal,
    onWait: options.onWait,
  });
  await cache.keep(file);
}

/** The config first: it says whether the rest is worth fetching. Then the small ones. */
function inOrder(files: readonly RemoteFile[]): RemoteFile[] {
  const rank = ({ path, size }: RemoteFile) => (path === "config.json" ? -1 : size);
  return [...files].sort((a, b) => rank(a) - rank(b));
}

function progressOf({ bytes: totalBytes }: DownloadPlan, options: DownloadOptions): Report {
  const { onProgress, now = () => performance.now() } = options;
  const rate = new TransferRate();
  let last = { path: "", bytes: 0 };
  let received = 0;
  return (stage, path, bytes) => {
    // What lay in the cache before comes with a file's first report: it is no speed, nor is a file begun anew.
    if (path === last.path) received += Math.max(0, bytes - last.bytes);
    last = { path, bytes };
    rate.add(received, now());
    const { perSecond } = rate;
    const secondsLeft = perSecond === null || perSecond === 0 ? null : (totalBytes - bytes) / perSecond;
    onProgress?.({ stage, path, bytes, totalBytes, bytesPerSecond: perSecond, secondsLeft });
  };
}

async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const shown = (amount: number) => `${(amount / 1e9).toFixed(1)} GB`;
  throw new HubError(
    "final",
    `${folder} has ${shown(free)} free, where ${shown(bytes)} are needed; make room on the disk.`,
  );
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
