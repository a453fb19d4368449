import type { RunForecast, ToRunPanel } from "../../src/protocol/webview";
import { element, icon } from "../dom";
import { compact, count, memory } from "../figures";
import { t } from "../texts";
import { describeChoice, describeShare, describeTime } from "./deviceText";

/** What the run would take, on what: known before it is started. */
export class ForecastSection {
  readonly element: HTMLElement;
  readonly #content = element("div", { testId: "forecast", attributes: { "aria-live": "polite" } });

  constructor() {
    this.element = element(
      "section",
      { class: "forecast", attributes: { "aria-labelledby": "forecast-title" } },
      element("h2", { id: "forecast-title", text: t("Forecast") }),
      this.#content,
    );
    this.#showLoading();
  }

  /** Without rows to learn there is nothing to foresee. */
  setPossible(possible: boolean): void {
    this.element.hidden = !possible;
  }

  show(message: Extract<ToRunPanel, { type: "forecast" }>): void {
    if (message.state === "loading") this.#showLoading();
    else if (message.state === "error") this.#showError(message.message);
    else this.#showForecast(message.forecast);
  }

  /** An earlier forecast stays until the next one is there, so that nothing jumps while a field is typed in. */
  #showLoading(): void {
    const shown = this.#content.querySelector("dl") !== null;
    this.#content.setAttribute("aria-busy", "true");
    if (!shown) {
      this.#content.replaceChildren(
        element("div", { class: "skeleton line" }),
        element("div", { class: "skeleton line" }),
      );
    }
  }

  #showError(message: string): void {
    this.#content.setAttribute("aria-busy", "false");
    this.#content.replaceChildren(
      element(
        "p",
        { class: "message error", testId: "forecast-error" },
        icon("error"),
        element("span", { text: message }),
      ),
    );
  }

  #showForecast(forecast: RunForecast): void {
    const figure = (value: string, label: string, testId: string) =>
      element("div", { class: "figure" }, element("dt", { text: label }), element("dd", { text: value, testId }));
    const speed = forecast.measured
      ? t("{0} tokens/s, as in the last run with this model here.", count(forecast.tokensPerSecond))
      : t("{0} tokens/s by arithmetic: no run with this model has finished here yet.", count(forecast.tokensPerSecond));
    this.#content.setAttribute("aria-busy", "false");
    this.#content.replaceChildren(
      element("p", { class: "quiet whole", text: describeChoice(forecast), testId: "forecast-device" }),
      element(
        "dl",
        { class: "figures plain" },
        figure(memory(forecast.forecastBytes), t("memory, {0} free", memory(forecast.memoryFree)), "forecast-memory"),
        figure(describeTime(forecast.seconds), t("for {0} steps", count(forecast.steps)), "forecast-time"),
        figure(describeShare(forecast), t("of {0} parameters trained", compact(forecast.parameters)), "forecast-share"),
      ),
      element("p", { class: "quiet", text: speed }),
    );
  }
}
