import type { RunHead } from "../../src/protocol/webview";
import { seriesText } from "../curve/seriesText";
import { element, setText } from "../dom";
import { count, duration, loss, memoryOf } from "../figures";
import { t } from "../texts";

type Name = "loss" | "evalLoss" | "step" | "speed" | "memory" | "utilisation" | "temperature" | "left";

/** The run in figures; what is not known of this device is left out. */
export class FigureStrip {
  readonly element = element("dl", { class: "figures strip", testId: "figures" });
  readonly #values: Record<Name, HTMLElement> = {
    loss: this.#figure(t("Loss"), "loss"),
    evalLoss: this.#figure(t("Eval loss"), "eval-loss"),
    step: this.#figure(t("Step"), "step"),
    speed: this.#figure(t("Tokens/s"), "tokens-per-second"),
    memory: this.#figure(t("Memory"), "memory"),
    utilisation: this.#figure(t("Utilisation"), "utilisation"),
    temperature: this.#figure(t("Temperature"), "temperature"),
    left: this.#figure(t("Time left"), "time-left"),
  };

  show(head: RunHead, active: boolean): void {
    const { telemetry } = head;
    this.#set("loss", loss(head.loss));
    this.#set("evalLoss", loss(head.evalLoss));
    this.#set("step", head.totalSteps === 0 ? "–" : `${count(head.step)} / ${count(head.totalSteps)}`);
    this.#set("speed", head.tokensPerSecond === null ? "–" : count(head.tokensPerSecond));
    this.#set("memory", memoryText(head));
    this.#set("utilisation", telemetry === null ? null : seriesText("utilisation", telemetry.utilisation));
    this.#set("temperature", telemetry === null ? null : seriesText("temperature", telemetry.temperature));
    this.#set("left", active ? duration(head.secondsLeft) : null);
  }

  #figure(label: string, testId: string): HTMLElement {
    const value = element("dd", { text: "–", testId });
    this.element.append(element("div", { class: "figure" }, element("dt", { text: label }), value));
    return value;
  }

  /** Null: there is no such figure. */
  #set(name: Name, text: string | null): void {
    const value = this.#values[name];
    setText(value, text ?? "–");
    value.parentElement!.hidden = text === null;
  }
}

function memoryText({ telemetry, memory }: RunHead): string | null {
  if (telemetry !== null) return memoryOf(telemetry.memoryUsed, telemetry.memoryTotal);
  return memory?.used == null ? null : seriesText("memory", memory.used);
}
