/** Inputs of the page's own, for what the toolkit has no element for. */
import { element } from "./dom";

export function checkbox(
  text: string,
  checked: boolean,
  testId: string,
  onChange: (checked: boolean) => void,
): HTMLLabelElement {
  const box = element("input", { testId, attributes: { type: "checkbox" } });
  box.checked = checked;
  box.addEventListener("change", () => onChange(box.checked));
  return element("label", { class: "check" }, box, text);
}

export interface SliderOptions {
  most: number;
  value: number;
  testId: string;
  /** The value as screen readers say it. */
  say(value: number): string;
  onChange(value: number): void;
}

/** Whole numbers from 0 on. */
export function slider(text: string, { most, value, testId, say, onChange }: SliderOptions): HTMLLabelElement {
  const input = element("input", { testId, attributes: { type: "range", min: "0", max: String(most), step: "1" } });
  input.value = String(value);
  const tell = () => {
    input.setAttribute("aria-valuetext", say(input.valueAsNumber));
    input.title = say(input.valueAsNumber);
  };
  input.addEventListener("input", () => {
    tell();
    onChange(input.valueAsNumber);
  });
  tell();
  return element("label", { class: "check" }, text, input);
}
