import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { convert } from "hyparquet/src/convert.js";
import { DatasetError } from "../../problem";
import type { RandomAccessFile } from "../randomAccessFile";

export type ColumnDecoder = Parameters<typeof readPage>[2];
type DecodedArray = NonNullable<Parameters<typeof readPage>[3]>;
type PageHeader = ReturnType<typeof parquetHeader>;

const HEADER_BYTES = 1024;
/** A page holds about a megabyte; a larger one holds one large value. */
const LARGEST_PAGE = 512 * 1024 * 1024;
/** Values that repeat take no bytes: a page of a few bytes can claim any number. */
const MOST_VALUES = 16_000_000;

/**
 * The values of one column chunk, page by page: a row group may be larger than the memory, a page is not. hyparquet's
 * own readers take a column chunk whole.
 */
export class ColumnCursor {
  /** Decoded rows; those before `head` have been taken. */
  private pending: DecodedArray = [];
  private head = 0;
  private dictionary: DecodedArray | undefined;

  constructor(
    private readonly file: RandomAccessFile,
    private readonly decoder: ColumnDecoder,
    private at: number,
    private readonly end: number,
  ) {}

  get path(): string {
    return this.decoder.pathInSchema.join(".");
  }

  /** The next `count` rows. Throws a DatasetError where the chunk has fewer. */
  async take(count: number): Promise<unknown[]> {
    // One row more than asked for: the last one may go on in the next page.
    while (this.pending.length - this.head <= count && this.at < this.end) await this.nextPage();
    const end = this.head + count;
    if (this.pending.length < end) throw this.file.damaged();
    const taken = Array.from(this.pending.slice(this.head, end) as ArrayLike<unknown>);
    this.head = end;
    return taken;
  }

  private async nextPage(): Promise<void> {
    const { header, length } = await this.readHeader();
    const bodyStart = this.at + length;
    const bodyEnd = bodyStart + header.compressed_page_size;
    if (!(header.compressed_page_size >= 0) || bodyEnd > this.end) throw this.file.damaged();
    if (!(header.uncompressed_page_size >= 0)) throw this.file.damaged();
    if (header.uncompressed_page_size > LARGEST_PAGE || valuesOf(header) > MOST_VALUES) {
      throw new DatasetError(`${this.file.path}: the column "${this.path}" has a page that is too large to read.`);
    }
    this.at = bodyEnd;
    if ((header.type as string) === "INDEX_PAGE") return;
    const body = await this.file.read(bodyStart, bodyEnd);
    const reader = { view: new DataView(body.buffer, body.byteOffset, body.byteLength), offset: 0 };
    const before = Array.from(this.pending.slice(this.head) as ArrayLike<unknown>);
    const { data } = readPage(reader, header, this.decoder, this.dictionary, before, 0);
    if (data === undefined) return;
    if (header.type === "DICTIONARY_PAGE") {
      this.dictionary = convert(data, this.decoder);
      return;
    }
    // Pages of plain columns come as arrays of their own, nested ones are added to what is pending.
    this.pending = data === before || before.length === 0 ? data : [...before, ...(data as Iterable<unknown>)];
    this.head = 0;
  }

  /** A header's length is known only once it is read: statistics can make it long. */
  private async readHeader(): Promise<{ header: PageHeader; length: number }> {
    for (let bytes = HEADER_BYTES; ; bytes *= 16) {
      const end = Math.min(this.at + bytes, this.end);
      const window = await this.file.read(this.at, end);
      const reader = { view: new DataView(window.buffer, window.byteOffset, window.byteLength), offset: 0 };
      try {
        return { header: parquetHeader(reader), length: reader.offset };
      } catch {
        if (end === this.end) throw this.file.damaged();
      }
    }
  }
}

function valuesOf(header: PageHeader): number {
  const details = header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header;
  return details?.num_values ?? 0;
}
