import type { ToNotices } from "../../src/protocol/noticesView";
import type { FromRunPanel, ToRunPanel } from "../../src/protocol/webview";
import { element, icon, linkButton } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { button } from "../toolkit";
import type { RunSection } from "./runSection";

/** Above the figures: that the run waits and for what, which run it goes on from, what of it could not be read. */
export class NoticesSection implements RunSection {
  readonly element = element("div", { class: "notices", hidden: true, testId: "notices" });

  constructor(private readonly post: (message: FromRunPanel) => void) {}

  showHead(): void {}

  receive(message: ToRunPanel): void {
    if (message.type !== "notices") return;
    const parts = [this.#parent(message), this.#queue(message), ...message.problems.map(problem)];
    const shown = parts.filter((part) => part !== null);
    this.element.hidden = shown.length === 0;
    this.element.replaceChildren(...shown);
  }

  #queue({ queue }: ToNotices): HTMLElement | null {
    if (queue === null) return null;
    return element(
      "div",
      { class: "queue-place", testId: "queue-place" },
      element("p", { class: "message", role: "status" }, icon("watch"), element("span", { text: placeText(queue) })),
      element(
        "div",
        { class: "actions" },
        button(t("Start now"), () => this.post({ type: "startNow" }), { icon: "play", testId: "start-now" }).element,
        button(t("Remove from queue"), () => this.post({ type: "removeFromQueue" }), { testId: "remove-from-queue" })
          .element,
      ),
    );
  }

  #parent({ parent }: ToNotices): HTMLElement | null {
    if (parent === null) return null;
    const text = t("Goes on from step {0} of", count(parent.step));
    const name = parent.here
      ? linkButton(parent.name, () => this.post({ type: "openParent" }), "open-parent")
      : element("span", { text: t("{0}, which is no longer here", parent.name) });
    return element("p", { class: "quiet", testId: "parent-run" }, icon("git-branch"), ` ${text} `, name);
  }
}

function placeText({ place, of, waitsFor }: NonNullable<ToNotices["queue"]>): string {
  if (waitsFor === null) return t("The run starts in a moment.");
  return of === 1
    ? t("The run is prepared and waits for {0}.", waitsFor)
    : t("The run is prepared and waits for {0}: {1} of {2} in the queue.", waitsFor, count(place), count(of));
}

function problem(text: string): HTMLElement {
  return element("p", { class: "message", testId: "run-problem" }, icon("warning"), element("span", { text }));
}
