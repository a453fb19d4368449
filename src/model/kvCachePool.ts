import { bytesOfKv, capacityFor, commonPrefix, type KvBuffers, KvCache, type KvShape } from "./kvCache";

/** Buffers that nothing uses are kept for the next document: memory stays flat. */
const MOST_SPARE = 2;

/** Going back by more than this begins a second cache: the user has moved elsewhere in the file and may come back. */
const WORTH_KEEPING = 256;
/** Places of one document. */
const MOST_PLACES = 2;

interface Place {
  document: string;
  cache: KvCache;
}

/** KV caches of the places that documents are edited at, within a budget; those not used for longest go first. */
export class KvCachePool {
  /** In the order of their last use. */
  private places: Place[] = [];
  private spare: KvBuffers[] = [];

  constructor(
    private readonly shape: KvShape,
    /** Bytes. The cache in use may exceed them: without it nothing could be computed. */
    private budget: number,
    private readonly create: (capacity: number) => KvBuffers,
  ) {}

  /** Bytes of all buffers. */
  get bytes(): number {
    const used = this.places.map(({ cache }) => cache.buffers);
    return [...used, ...this.spare].reduce((sum, { capacity }) => sum + bytesOfKv(this.shape, capacity), 0);
  }

  /**
   * A cache for the document with room for `need` positions. It holds what is known of `prompt` from any document, but
   * never its last token, which is computed for its logits in any case.
   */
  take(document: string, prompt: readonly number[], need: number): KvCache {
    const most = prompt.length - 1;
    const own = this.closest((place) => place.document === document, prompt);
    const donor = this.closest(() => true, prompt);
    const keep = donor === null ? [] : [donor.cache];
    let cache = own === null || this.isElsewhere(own) ? this.vacate(document) : own.cache;
    if (cache === null) cache = new KvCache(this.shape, this.allocate(capacityFor(need), keep));
    cache.truncate(Math.min(most, commonPrefix(cache.tokens, prompt)));
    this.fit(cache, need, keep);
    if (donor !== null && donor.cache !== cache && donor.common > cache.tokens.length) {
      cache.extendFrom(donor.cache, Math.min(most, donor.common));
    }
    this.places = [...this.places.filter((place) => place.cache !== cache), { document, cache }];
    this.evict([cache]);
    return cache;
  }

  /** The document is closed: its memory goes. */
  forget(document: string): void {
    this.places = this.places.filter((place) => place.document !== document);
    this.spare = [];
  }

  /** Forgets all documents. */
  clear(): void {
    this.places = [];
    this.spare = [];
  }

  /** From now on all caches together keep to `bytes`, the last used one excepted. */
  limit(bytes: number): void {
    this.budget = bytes;
    this.evict(this.places.slice(-1).map(({ cache }) => cache));
  }

  /** The place that has the most of the prompt, of several the one used last. */
  private closest(
    filter: (place: Place) => boolean,
    prompt: readonly number[],
  ): { cache: KvCache; common: number } | null {
    let best: { cache: KvCache; common: number } | null = null;
    for (const place of this.places.filter(filter)) {
      const common = commonPrefix(place.cache.tokens, prompt);
      if (common >= (best?.common ?? 0)) best = { cache: place.cache, common };
    }
    return best;
  }

  private isElsewhere({ cache, common }: { cache: KvCache; common: number }): boolean {
    return cache.tokens.length - common > WORTH_KEEPING;
  }

  /** Of a document with many places the one not used for longest, to be used for another; null: there may be one more. */
  private vacate(document: string): KvCache | null {
    const own = this.places.filter((place) => place.document === document);
    return own.length < MOST_PLACES ? null : own[0]!.cache;
  }

  /** Brings the buffers near the need: every run reads the whole of them. */
  private fit(cache: KvCache, need: number, keep: readonly KvCache[]): void {
    const capacity = capacityFor(need);
    const before = cache.buffers;
    if (before.capacity >= capacity && before.capacity <= 2 * capacity) return;
    cache.moveTo(this.allocate(capacity, [cache, ...keep]));
    this.spare = [...this.spare, before].slice(-MOST_SPARE);
  }

  private allocate(capacity: number, keep: readonly KvCache[]): KvBuffers {
    for (;;) {
      const fitting = this.spare.findIndex((spare) => spare.capacity >= capacity && spare.capacity <= 2 * capacity);
      if (fitting !== -1) return this.spare.splice(fitting, 1)[0]!;
      const enough = this.bytes + bytesOfKv(this.shape, capacity) <= this.budget;
      if (enough || !this.giveUp(keep)) return this.create(capacity);
    }
  }

  private evict(keep: readonly KvCache[]): void {
    while (this.bytes > this.budget && this.giveUp(keep));
  }

  /** Drops what is needed least; false where nothing is left that may go. */
  private giveUp(keep: readonly KvCache[]): boolean {
    if (this.spare.shift() !== undefined) return true;
    const place = this.places.find(({ cache }) => !keep.includes(cache));
    if (place === undefined) return false;
    this.places = this.places.filter((other) => other !== place);
    this.spare.push(place.cache.buffers);
    return true;
  }
}
