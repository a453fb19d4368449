import type { RowPath } from "../problem";

/** Numbers of 16 bits; 0 is the row itself. */
const MOST_PATHS = 65_536;

/** The paths of many rows are few: each is held once and named by its number. */
export class PathTable {
  private readonly paths: RowPath[] = [[]];
  private readonly numbers = new Map<string, number>();

  /** 0 where the table is full. */
  numberOf(path: RowPath): number {
    if (path.length === 0) return 0;
    const key = JSON.stringify(path);
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    if (this.paths.length === MOST_PATHS) return 0;
    this.numbers.set(key, this.paths.length);
    return this.paths.push(path) - 1;
  }

  path(number: number): RowPath {
    return this.paths[number]!;
  }
}
