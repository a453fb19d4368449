import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WebviewPanel } from "vscode";
import { PageWatch } from "./pageWatch";

/** A panel that is shown and hidden. */
class Panel {
  visible = true;
  #listener: () => void = () => {};

  onDidChangeViewState = (listener: () => void) => {
    this.#listener = listener;
    return { dispose: () => (this.#listener = () => {}) };
  };

  show(visible: boolean): void {
    this.visible = visible;
    this.#listener();
  }
}

describe("the watch over a panel's page", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const watched = (attempt = 0) => {
    const panel = new Panel();
    const silent = vi.fn();
    return { panel, silent, watch: new PageWatch(panel as unknown as WebviewPanel, attempt, silent) };
  };

  it("tells once of a page that says nothing", () => {
    const { silent } = watched();
    vi.advanceTimersByTime(60_000);
    expect(silent).toHaveBeenCalledTimes(1);
  });

  it("says nothing of a page that has spoken, until it is loaded again", () => {
    const { panel, silent, watch } = watched();
    watch.heard();
    panel.show(true);
    vi.advanceTimersByTime(60_000);
    expect(silent).not.toHaveBeenCalled();
    panel.show(false);
    panel.show(true);
    vi.advanceTimersByTime(60_000);
    expect(silent).toHaveBeenCalledTimes(1);
  });

  it("does not wait for a page that is out of sight, or after it has ended", () => {
    const { panel, silent, watch } = watched();
    panel.show(false);
    vi.advanceTimersByTime(60_000);
    panel.show(true);
    watch.dispose();
    vi.advanceTimersByTime(60_000);
    expect(silent).not.toHaveBeenCalled();
  });

  it("lets a page be that did not come up in a third panel either", () => {
    const { silent } = watched(2);
    vi.advanceTimersByTime(600_000);
    expect(silent).not.toHaveBeenCalled();
  });
});
