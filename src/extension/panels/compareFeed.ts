import type { ToCompareView } from "../../protocol/compareView";
import type { Curve } from "../../run/runHistory";

type PointsMessage = Extract<ToCompareView, { type: "points" }>;

/** Points in one message: few enough that making it holds nothing up, many enough that long curves are soon there. */
const CHUNK = 5000;

/** Hands a run's curve to the page in pieces: all of it first, then what it gains. */
export class CompareFeed {
  #sent = { loss: 0, evalLoss: 0 };
  #restart = true;
  #sending = false;
  #running = Promise.resolve();
  #ended = false;

  constructor(
    private readonly id: string,
    private readonly curve: () => Curve,
    private readonly post: (message: PointsMessage) => void,
  ) {}

  /** What has been sent is void: a page has come up anew, or a later attempt of the run took points back. */
  restart(): void {
    this.#sent = { loss: 0, evalLoss: 0 };
    this.#restart = true;
  }

  /** Sends what has not been sent; resolves when the page has everything. */
  send(): Promise<void> {
    if (!this.#sending) {
      this.#sending = true;
      this.#running = this.#sendAll();
    }
    return this.#running;
  }

  dispose(): void {
    this.#ended = true;
  }

  async #sendAll(): Promise<void> {
    while (!this.#ended && this.#sendChunk()) await new Promise<void>((resolve) => setImmediate(resolve));
    this.#sending = false;
  }

  /** False where there was nothing left. */
  #sendChunk(): boolean {
    const { loss, evalLoss } = this.curve();
    const { loss: from, evalLoss: evalFrom } = this.#sent;
    const restart = this.#restart;
    if (!restart && from >= loss.length && evalFrom >= evalLoss.length) return false;
    this.#sent = { loss: Math.min(loss.length, from + CHUNK), evalLoss: Math.min(evalLoss.length, evalFrom + CHUNK) };
    this.#restart = false;
    this.post({
      type: "points",
      id: this.id,
      restart,
      loss: loss.slice(from, this.#sent.loss),
      evalLoss: evalLoss.slice(evalFrom, this.#sent.evalLoss),
    });
    return true;
  }
}
