import { EventEmitter } from "node:events";

/** In the place of VS Code's own, for the tests of src/extension/runs alone. */
export class FakeEmitter<Value> {
  readonly #emitter = new EventEmitter();
  readonly event = (listener: (value: Value) => void) => {
    this.#emitter.on("fired", listener);
    return { dispose: () => void this.#emitter.off("fired", listener) };
  };

  fire(value: Value): void {
    this.#emitter.emit("fired", value);
  }

  dispose(): void {
    this.#emitter.removeAllListeners();
  }
}
