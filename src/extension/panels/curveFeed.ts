import type { CurvePiece, SeriesName } from "../../protocol/curveView";
import { packSeries } from "../../protocol/seriesPiece";
import type { RunHistory } from "../../run/runHistory";

/** Points in one piece: few enough that making it holds nothing up, enough for the losses of 100,000 steps. */
const PIECE_POINTS = 120_000;

interface Sent {
  history: Readonly<RunHistory> | undefined;
  revision: number;
  marks: number;
  points: Map<SeriesName, number>;
}

const nothing = (): Sent => ({ history: undefined, revision: 0, marks: 0, points: new Map() });

/** Hands a run's curves to a page in pieces: all of them first, then what they gain. */
export class CurveFeed {
  #sent = nothing();
  #sending = false;
  #running = Promise.resolve();
  #ended = false;

  constructor(
    private readonly id: string,
    private readonly names: readonly SeriesName[],
    /** Undefined as long as its steps are not read. */
    private readonly history: () => Readonly<RunHistory> | undefined,
    private readonly post: (piece: CurvePiece) => void,
  ) {}

  /** A page has come up that knows nothing yet. */
  restart(): void {
    this.#sent = nothing();
  }

  /** Sends what has not been sent; resolves when the page has everything. */
  send(): Promise<void> {
    if (!this.#sending) {
      this.#sending = true;
      this.#running = this.#sendAll();
    }
    return this.#running;
  }

  /** One piece ahead of the others: the losses, if there are no more than go into it. */
  sendFirst(): void {
    this.#sendPiece();
  }

  dispose(): void {
    this.#ended = true;
  }

  async #sendAll(): Promise<void> {
    while (!this.#ended && this.#sendPiece()) await new Promise<void>((resolve) => setImmediate(resolve));
    this.#sending = false;
  }

  /** False where there was nothing left. */
  #sendPiece(): boolean {
    const history = this.history();
    if (history === undefined) return false;
    // What a later attempt has taken back is void on the page too.
    const restart = history !== this.#sent.history || history.revision !== this.#sent.revision;
    if (restart) this.#sent = { ...nothing(), history, revision: history.revision };
    const { piece, left } = this.#pieceOf(history, restart);
    if (!restart && piece.marks.length === 0 && Object.keys(piece.series).length === 0) return false;
    this.post({ ...piece, last: left === 0 });
    return true;
  }

  #pieceOf(history: Readonly<RunHistory>, restart: boolean): { piece: Omit<CurvePiece, "last">; left: number } {
    const series: CurvePiece["series"] = {};
    let room = PIECE_POINTS;
    let left = 0;
    for (const name of this.names) {
      const { steps, values } = history.series[name];
      const from = this.#sent.points.get(name) ?? 0;
      const to = Math.min(steps.length, from + room);
      room -= to - from;
      left += steps.length - to;
      if (to === from) continue;
      this.#sent.points.set(name, to);
      series[name] = packSeries(steps, values, from, to);
    }
    const marks = history.marks.slice(this.#sent.marks);
    this.#sent.marks = history.marks.length;
    return { piece: { type: "curve", id: this.id, restart, series, marks }, left };
  }
}
