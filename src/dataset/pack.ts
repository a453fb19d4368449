/** Documents to sequences: whole documents only, packed together or each on its own. */

export interface Packable {
  readonly tokens: { readonly length: number };
}

/** Open sequences. More pack tighter and hold more memory: at most this many times the sequence length in tokens. */
export const OPEN_SEQUENCES = 64;

export interface SequenceMaker<Item extends Packable> {
  /** Returns the sequences that are complete because of this document; throws RangeError where it fits none. */
  add(item: Item): Item[][];
  /** Returns those that were still open. */
  finish(): Item[][];
}

/** `packing`: as `dataset.packing` of run.json, where absent means true. */
export function makerOf<Item extends Packable>(sequenceLength: number, packing = true): SequenceMaker<Item> {
  return packing ? new Packer<Item>(sequenceLength) : new SingleDocuments<Item>(sequenceLength);
}

/** Each document is a sequence of its own. */
class SingleDocuments<Item extends Packable> implements SequenceMaker<Item> {
  constructor(private readonly sequenceLength: number) {}

  add(item: Item): Item[][] {
    requireFit(item, this.sequenceLength);
    return [[item]];
  }

  finish(): Item[][] {
    return [];
  }
}

function requireFit({ tokens: { length } }: Packable, sequenceLength: number): void {
  if (length > 0 && length <= sequenceLength) return;
  throw new RangeError(`A document of ${length} tokens does not fit sequences of ${sequenceLength}.`);
}

interface Bin<Item> {
  items: Item[];
  left: number;
}

/** Best fit over a bounded number of open sequences. The same documents in the same order give the same sequences. */
export class Packer<Item extends Packable> implements SequenceMaker<Item> {
  private readonly open: Bin<Item>[] = [];

  constructor(
    private readonly sequenceLength: number,
    private readonly maxOpen = OPEN_SEQUENCES,
  ) {}

  /** How many documents wait in open sequences. */
  get waiting(): number {
    return this.open.reduce((sum, bin) => sum + bin.items.length, 0);
  }

  add(item: Item): Item[][] {
    requireFit(item, this.sequenceLength);
    const { length } = item.tokens;
    const complete: Item[][] = [];
    let bin = this.tightest(length);
    if (bin === undefined) {
      if (this.open.length === this.maxOpen) complete.push(this.close(this.tightest(0)!));
      bin = { items: [], left: this.sequenceLength };
      this.open.push(bin);
    }
    bin.items.push(item);
    bin.left -= length;
    if (bin.left === 0) complete.push(this.close(bin));
    return complete;
  }

  finish(): Item[][] {
    return this.open.splice(0).map(({ items }) => items);
  }

  /** The open sequence with the least room that still takes `length` tokens; of equals the oldest. */
  private tightest(length: number): Bin<Item> | undefined {
    let best: Bin<Item> | undefined;
    for (const bin of this.open) {
      if (bin.left >= length && (best === undefined || bin.left < best.left)) best = bin;
    }
    return best;
  }

  private close(bin: Bin<Item>): Item[] {
    this.open.splice(this.open.indexOf(bin), 1);
    return bin.items;
  }
}
