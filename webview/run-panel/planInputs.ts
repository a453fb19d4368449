/** Inputs of the launch form that the toolkit has none for, as fields with a text for a value. */
import { element, linkButton, setText } from "../dom";
import { fileName } from "../figures";
import { checkbox } from "../inputs";
import { t } from "../texts";
import { type Field, textField } from "../toolkit";

/** "true" or "false". */
export function flagField(text: string, onChange: () => void): Field {
  const label = checkbox(text, false, "box", onChange);
  const box = label.querySelector("input")!;
  return {
    element: label,
    value: () => String(box.checked),
    setValue: (value) => {
      box.checked = value === "true";
    },
    setAccessibleName: (name, invalid) => {
      box.setAttribute("aria-label", name);
      box.setAttribute("aria-invalid", String(invalid));
    },
  };
}

/** Those that are chosen, separated by commas, in the order of `names`. */
export function manyField(names: readonly string[], onChange: () => void): Field {
  const labels = names.map((name) => checkbox(name, false, `box-${name}`, onChange));
  const boxes = labels.map((label) => label.querySelector("input")!);
  const group = element("div", { class: "many", role: "group" }, ...labels);
  return {
    element: group,
    value: () => names.filter((_, index) => boxes[index]!.checked).join(","),
    setValue: (value) => {
      const chosen = new Set(value.split(","));
      for (const [index, box] of boxes.entries()) box.checked = chosen.has(names[index]!);
    },
    setAccessibleName: (name) => group.setAttribute("aria-label", name),
  };
}

/** A path that is chosen in a dialog. */
export function pathField(onChoose: () => void): Field {
  let path = "";
  const name = element("span", { class: "path-name" });
  const choose = linkButton(t("Choose…"), onChoose);
  return {
    element: element("div", { class: "path-field" }, name, choose),
    value: () => path,
    setValue: (value) => {
      path = value;
      setText(name, fileName(value));
      name.title = value;
    },
    setAccessibleName: (label, invalid) => {
      choose.setAttribute("aria-label", path === "" ? label : `${label}: ${fileName(path)}`);
      choose.setAttribute("aria-invalid", String(invalid));
    },
  };
}

/** A number that may be left to Tunesmith: what stands for that is shown where nothing is written. */
export function automaticField(meaning: string, onInput: () => void): Field {
  const field = textField("", onInput);
  field.element.setAttribute("placeholder", meaning);
  return field;
}
