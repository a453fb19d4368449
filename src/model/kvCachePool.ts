import { bytesOfKv, capacityFor, commonPrefix, type KvBuffers, KvCache, type KvShape } from "./kvCache";

/** Buffers that nothing uses are kept for the next document: memory stays flat. */
const MOST_SPARE = 2;

/** A KV cache for each document, all of them within a budget; those not used for longest go first. */
export class KvCachePool {
  /** In the order of their last use. */
  private readonly caches = new Map<string, KvCache>();
  private spare: KvBuffers[] = [];

  constructor(
    private readonly shape: KvShape,
    /** Bytes. The cache in use may exceed them: without it nothing could be computed. */
    private budget: number,
    private readonly create: (capacity: number) => KvBuffers,
  ) {}

  /** Bytes of all buffers. */
  get bytes(): number {
    const used = [...this.caches.values()].map(({ buffers }) => buffers);
    return [...used, ...this.spare].reduce((sum, { capacity }) => sum + bytesOfKv(this.shape, capacity), 0);
  }

  /**
   * The document's cache with room for `need` positions. It holds what is known of `prompt` from any document, but never
   * its last token, which is computed for its logits in any case.
   */
  take(document: string, prompt: readonly number[], need: number): KvCache {
    const most = prompt.length - 1;
    const known = this.caches.get(document);
    const own = Math.min(most, commonPrefix(known?.tokens ?? [], prompt));
    const donor = this.bestDonor(document, prompt, own);
    const keep = donor === null ? [] : [donor.cache];
    const cache = known ?? new KvCache(this.shape, this.allocate(capacityFor(need), keep));
    cache.truncate(own);
    if (known !== undefined) this.fit(cache, need, keep);
    if (donor !== null) cache.extendFrom(donor.cache, Math.min(most, donor.common));
    this.caches.delete(document);
    this.caches.set(document, cache);
    this.evict([cache]);
    return cache;
  }

  /** The document is closed: its memory goes. */
  forget(document: string): void {
    this.caches.delete(document);
  }

  /** Forgets all documents. */
  clear(): void {
    this.caches.clear();
    this.spare = [];
  }

  /** From now on all caches together keep to `bytes`, the last used one excepted. */
  limit(bytes: number): void {
    this.budget = bytes;
    const last = [...this.caches.values()].at(-1);
    this.evict(last === undefined ? [] : [last]);
  }

  /** Another document that has more than `least` tokens of the prompt. */
  private bestDonor(
    document: string,
    prompt: readonly number[],
    least: number,
  ): { cache: KvCache; common: number } | null {
    let best: { cache: KvCache; common: number } | null = null;
    for (const [other, cache] of this.caches) {
      if (other === document) continue;
      const common = commonPrefix(cache.tokens, prompt);
      if (common > (best?.common ?? least)) best = { cache, common };
    }
    return best;
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
    for (const [document, cache] of this.caches) {
      if (keep.includes(cache)) continue;
      this.caches.delete(document);
      this.spare.push(cache.buffers);
      return true;
    }
    return false;
  }
}
