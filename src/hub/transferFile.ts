import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { HubConnection, HubResponse } from "./hubConnection";
import { HubError, networkError } from "./hubError";
import type { Checksum, RemoteFile } from "./modelFiles";
import { type Retry, withRetries } from "./retry";

export interface Transfer extends Retry {
  hub: HubConnection;
  repository: string;
  commit: string;
  file: RemoteFile;
  /** What has come so far lies here, and what comes is added: the file itself only once it is whole and checked. */
  target: string;
  /** How many bytes are there; fewer than before where the beginning could not be used. */
  onBytes(have: number): void;
  onChecking(): void;
}

const ATTEMPTS = 6;
/** Bytes that came in several pieces over a bad connection may be wrong once; twice is no accident. */
const CHECKED_ATTEMPTS = 2;

/** Fetches what is missing until `target` is whole and has the right checksum. A cancelled transfer can be gone on with. */
export async function transferFile(transfer: Transfer): Promise<void> {
  const { file, target, wait, signal, onWait } = transfer;
  for (let attempt = 1; ; attempt++) {
    let furthest = 0;
    const onBytes = (have: number) => {
      furthest = Math.max(furthest, have);
      transfer.onBytes(have);
    };
    await withRetries(() => fetchRest({ ...transfer, onBytes }), {
      attempts: ATTEMPTS,
      progress: () => furthest,
      wait,
      signal,
      onWait,
    });
    transfer.onChecking();
    if ((await checksumOf(target, file, signal)) === file.checksum.value) return;
    await rm(target, { force: true });
    if (attempt === CHECKED_ATTEMPTS) {
      throw new HubError(
        "final",
        `${file.path} of ${transfer.repository} has another checksum than the Hub lists; what came was deleted, try again later.`,
      );
    }
  }
}

async function fetchRest(transfer: Transfer): Promise<void> {
  const { file, target, signal } = transfer;
  const begun = await usableBytes(target, file.size);
  transfer.onBytes(begun);
  const handle = await open(target, constants.O_RDWR | constants.O_CREAT, 0o644);
  try {
    await handle.truncate(begun);
    if (begun === file.size) return;
    const answer = await ask(transfer, begun);
    try {
      await write(answer, await startOf(answer, begun, handle, transfer), handle, transfer);
    } finally {
      answer.response.destroy();
    }
    await handle.sync();
  } catch (error) {
    signal?.throwIfAborted();
    // A failed write alone does not say where.
    throw error instanceof HubError ? error : Object.assign(error as Error, { path: target });
  } finally {
    await handle.close();
  }
}

async function usableBytes(target: string, size: number): Promise<number> {
  const begun = await stat(target).then(
    (status) => status.size,
    () => 0,
  );
  return begun > size ? 0 : begun;
}

function ask({ hub, repository, commit, file, signal }: Transfer, begun: number): Promise<HubResponse> {
  const address = `${hub.endpoint}/${repository}/resolve/${commit}/${encodeURIComponent(file.path)}`;
  const headers: Record<string, string> = begun === 0 ? {} : { range: `bytes=${begun}-` };
  return hub.open(address, repository, { headers, signal });
}

/** Where the answer's first byte belongs; throws before anything is written where the answer is not the file's rest. */
async function startOf(answer: HubResponse, begun: number, handle: FileHandle, transfer: Transfer): Promise<number> {
  const { response, host, checksum } = answer;
  const { file, repository } = transfer;
  const name = `${file.path} of ${repository}`;
  if (checksum !== null && checksum.length === file.checksum.value.length && checksum !== file.checksum.value) {
    throw new HubError("final", `${name} is no longer the file that the Hub listed; start the download again.`);
  }
  if (!continues(response, begun, file.size)) {
    if (response.statusCode !== 200) {
      await handle.truncate(0);
      transfer.onBytes(0);
      throw new HubError("transient", `${host} sends another part of ${name} than was asked for; try again later.`);
    }
    begun = 0;
  }
  const encoding = response.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    throw new HubError("final", `${host} sends ${name} encoded as ${encoding}, which was not asked for.`);
  }
  const announced = response.headers["content-length"];
  if (announced !== undefined && Number(announced) !== file.size - begun) {
    throw new HubError(
      "transient",
      `${host} announces ${announced} bytes for ${name}, where ${file.size - begun} are expected; try again later.`,
    );
  }
  await handle.truncate(begun);
  transfer.onBytes(begun);
  return begun;
}

/** True where the answer begins right behind what is there. A 200 sends the file from its start. */
function continues(response: IncomingMessage, begun: number, size: number): boolean {
  if (response.statusCode !== 206) return false;
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers["content-range"] ?? "");
  if (range === null) return false;
  const [, first, last, total] = range;
  return Number(first) === begun && Number(last) === size - 1 && (total === "*" || Number(total) === size);
}

async function write(answer: HubResponse, start: number, handle: FileHandle, transfer: Transfer): Promise<void> {
  const { response, host } = answer;
  const { file, repository, onBytes } = transfer;
  let have = start;
  for await (const part of networkParts(response, host)) {
    if (have + part.length > file.size) {
      await handle.truncate(0);
      throw new HubError("transient", `${host} sends more of ${file.path} of ${repository} than the Hub lists.`);
    }
    await writeWhole(handle, part, have);
    have += part.length;
    onBytes(have);
  }
  if (have < file.size) {
    throw new HubError("transient", `${host} ended in the middle of ${file.path} of ${repository}; try again.`);
  }
}

/** A write may take a part only, as on a disk that is nearly full. */
async function writeWhole(handle: FileHandle, part: Buffer, position: number): Promise<void> {
  for (let done = 0; done < part.length; ) {
    done += (await handle.write(part, done, part.length - done, position + done)).bytesWritten;
  }
}

async function* networkParts(response: IncomingMessage, host: string): AsyncGenerator<Buffer> {
  const parts = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    const next = await parts.next().catch((error: unknown) => {
      throw networkError(error, host);
    });
    if (next.done === true) return;
    yield next.value;
  }
}

async function checksumOf(path: string, file: RemoteFile, signal: AbortSignal | undefined): Promise<string> {
  const hash = hasherFor(file.checksum, file.size);
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20, ...(signal ? { signal } : {}) })) {
    hash.update(part as Buffer);
  }
  return hash.digest("hex");
}

function hasherFor({ kind }: Checksum, size: number) {
  return kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}
