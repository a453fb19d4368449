import type { SettingChange } from "../../src/protocol/engine";
import type {
  ForecastAdvice,
  FromForecast,
  MissingMemory,
  RunForecast,
  ToForecast,
} from "../../src/protocol/forecastView";
import { element, icon, linkButton, liveRegion, setText } from "../dom";
import { compact, count, memory } from "../figures";
import { t } from "../texts";
import { type Button, button, progressRing } from "../toolkit";
import { describeChoice, describeShare, describeTime } from "./deviceText";
import {
  describeAdvice,
  describeChanges,
  describeFix,
  describeStage,
  memoryReasons,
  shareReasons,
  speedReason,
  timeReasons,
} from "./forecastText";

type Forecast = Extract<ToForecast, { type: "forecast" }>;
type Measuring = Extract<ToForecast, { type: "measuring" }>;

/** What the run would take, on what: known before it is started, measured on demand. */
export class ForecastSection {
  readonly element: HTMLElement;
  readonly #content = element("div", { testId: "forecast", attributes: { "aria-live": "polite" } });
  readonly #measure: Button;
  readonly #progress = element("span", { class: "measuring", hidden: true, testId: "measuring" });
  readonly #stage = element("span");
  readonly #failure = element("p", { class: "message error", role: "alert", hidden: true, testId: "measure-failed" });
  readonly #actions: HTMLElement;
  /** Why nothing can be measured now. */
  readonly #busy = element("span", { class: "quiet", testId: "measure-busy", hidden: true });
  readonly #live = liveRegion();

  constructor(private readonly post: (message: FromForecast) => void) {
    this.#measure = button(t("Measure (two steps)"), () => this.#onMeasure(), { icon: "pulse", testId: "measure" });
    this.#measure.element.title = t("Computes two steps of this run, which takes up to half a minute.");
    const cancel = linkButton(t("Cancel"), () => this.post({ type: "cancelMeasure" }), "cancel-measure");
    this.#progress.append(progressRing(), this.#stage, cancel);
    this.#actions = element(
      "div",
      { class: "actions", hidden: true },
      this.#measure.element,
      this.#progress,
      this.#busy,
    );
    this.element = element(
      "section",
      { class: "forecast", attributes: { "aria-labelledby": "forecast-title" } },
      element("h2", { id: "forecast-title", text: t("Forecast") }),
      this.#content,
      this.#actions,
      this.#failure,
      this.#live,
    );
    this.#showLoading();
  }

  /** Without rows to learn there is nothing to foresee. */
  setPossible(possible: boolean): void {
    this.element.hidden = !possible;
  }

  /** Beside a run that computes, two steps would take longer than they do alone. */
  setTurn(waitsFor: string | null): void {
    this.#measure.setDisabled(waitsFor !== null);
    this.#busy.hidden = waitsFor === null;
    setText(this.#busy, waitsFor === null ? "" : t("Can be measured when {0} has ended.", waitsFor));
  }

  show(message: ToForecast): void {
    if (message.type === "measuring") this.#showMeasuring(message);
    else this.#showForecast(message);
  }

  #showForecast(message: Forecast): void {
    switch (message.state) {
      case "loading":
        this.#showLoading();
        return;
      case "error":
        this.#showRefusal(message);
        return;
      case "ready":
        this.#showFigures(message.forecast, message.advice);
        return;
    }
  }

  /** What was shown stays until the next forecast is there, so that nothing jumps while a field is typed in. */
  #showLoading(): void {
    this.#content.setAttribute("aria-busy", "true");
    this.#failure.hidden = true;
    if (this.#content.childElementCount > 0) return;
    this.#content.replaceChildren(
      element("div", { class: "skeleton line" }),
      element("div", { class: "skeleton line" }),
    );
  }

  #showRefusal(refusal: Extract<Forecast, { state: "error" }>): void {
    this.#actions.hidden = true;
    const inTurn = refusal.memory === null ? null : fitsInTurn(refusal.memory);
    this.#replace(
      ...(inTurn === null ? this.#refusal(refusal) : [inTurn]),
      element(
        "div",
        { class: "actions" },
        linkButton(t("Check again"), () => this.post({ type: "forecastAgain" }), "check-again"),
      ),
    );
  }

  #refusal({ message, memory: missing, fixes }: Extract<Forecast, { state: "error" }>): (HTMLElement | null)[] {
    const sentence =
      missing === null || fixes.length === 0
        ? message
        : t(
            "The run needs at least {0} of memory, and {1} can be used.",
            memory(missing.least),
            memory(missing.usable),
          );
    return [
      element(
        "p",
        { class: "message error", testId: "forecast-error" },
        icon("error"),
        element("span", { text: sentence }),
      ),
      fixes.length === 0 ? null : this.#fixes(fixes.map((fix) => ({ text: describeFix(fix), changes: fix.changes }))),
    ];
  }

  #fixes(fixes: { text: string; changes: SettingChange[] }[]): HTMLElement {
    const make = ({ text, changes }: { text: string; changes: SettingChange[] }) => {
      const made = button(text, () => this.post({ type: "changeSettings", changes }), { testId: "fix" });
      return made.element;
    };
    return element(
      "div",
      { class: "actions fixes", attributes: { "aria-label": t("What would fit") }, role: "group" },
      ...fixes.map(make),
    );
  }

  #showFigures(forecast: RunForecast, advice: ForecastAdvice[]): void {
    const measured = forecast.calibrated === true;
    const bytes = forecast.measuredBytes ?? forecast.forecastBytes;
    const free = memory(forecast.memoryFree);
    const steps = count(forecast.steps);
    this.#actions.hidden = false;
    this.#measure.setText(measured ? t("Measure again") : t("Measure (two steps)"));
    this.#replace(
      element("p", { class: "quiet whole", text: describeChoice(forecast), testId: "forecast-device" }),
      element(
        "dl",
        { class: "figures plain" },
        figure(
          "memory",
          memory(bytes),
          forecast.measuredBytes === undefined ? t("memory, {0} free", free) : t("memory, measured; {0} free", free),
          memoryReasons(forecast),
        ),
        figure(
          "time",
          describeTime(forecast.seconds),
          measured ? t("for {0} steps, measured", steps) : t("for {0} steps", steps),
          timeReasons(forecast),
        ),
        figure(
          "share",
          describeShare(forecast),
          t("of {0} parameters trained", compact(forecast.parameters)),
          shareReasons(forecast),
        ),
      ),
      element("p", { class: "quiet", text: speedReason(forecast), testId: "forecast-speed" }),
      ...advice.map((one) => this.#advice(one)),
    );
  }

  #advice(advice: ForecastAdvice): HTMLElement {
    const { changes } = advice;
    return element(
      "div",
      { class: "message warning", testId: `advice-${advice.kind}` },
      icon("warning"),
      element("span", { text: describeAdvice(advice) }),
      changes.length === 0
        ? null
        : linkButton(describeChanges(changes), () => this.post({ type: "changeSettings", changes }), "advice-fix"),
    );
  }

  /** Focus that was on a button which is gone goes to what has come of it. */
  #replace(...children: (HTMLElement | null)[]): void {
    const focused = this.#content.contains(document.activeElement);
    this.#content.setAttribute("aria-busy", "false");
    this.#content.replaceChildren(...children.filter((child): child is HTMLElement => child !== null));
    if (focused) this.#content.querySelector<HTMLElement>("[tabindex], vscode-button, button")?.focus();
  }

  #onMeasure(): void {
    this.#failure.hidden = true;
    this.post({ type: "measure" });
  }

  #showMeasuring(message: Measuring): void {
    const running = message.state === "running";
    const focused = this.#actions.contains(document.activeElement);
    this.#measure.element.hidden = running;
    this.#progress.hidden = !running;
    if (running) {
      const stage = describeStage(message.stage);
      setText(this.#stage, message.stage === "steps" ? `${stage} ${Math.round(message.fraction * 100)} %` : stage);
      setText(this.#live, stage);
      if (focused) this.#progress.querySelector("button")?.focus();
      return;
    }
    setText(this.#live, "");
    if (focused) this.#measure.element.focus();
    this.#failure.hidden = message.state !== "failed";
    if (message.state === "failed") {
      this.#failure.replaceChildren(icon("error"), element("span", { text: message.message }));
    }
  }
}

/** What is too little now is enough when the runs ahead have ended. */
function fitsInTurn({ least, usable, inTurn }: MissingMemory): HTMLElement | null {
  if (inTurn === null) return null;
  const text = t(
    "The run needs at least {0} of memory: {1} can be used now, about {2} when its turn has come.",
    memory(least),
    memory(usable),
    memory(inTurn),
  );
  return element("p", { class: "message", testId: "fits-in-turn" }, icon("watch"), element("span", { text }));
}

/** A figure whose reason shows while it is pointed at or has the focus. */
function figure(name: string, value: string, label: string, reasons: string[]): HTMLElement {
  const id = `forecast-${name}-reason`;
  const made = element(
    "div",
    {
      class: "figure reasoned",
      testId: `forecast-${name}-figure`,
      attributes: { tabindex: "0", "aria-describedby": id },
    },
    element("dd", { class: "reason", id, role: "tooltip" }, ...reasons.map((line) => element("div", { text: line }))),
    element("dt", { text: label }),
    element("dd", { text: value, testId: `forecast-${name}` }),
  );
  // A tooltip can be sent away without moving on.
  made.addEventListener("keydown", (event) => {
    if (event.key === "Escape") made.classList.add("unreasoned");
  });
  made.addEventListener("blur", () => made.classList.remove("unreasoned"));
  made.addEventListener("pointerleave", () => made.classList.remove("unreasoned"));
  return made;
}
