/**
 * The only file that knows @vscode/webview-ui-toolkit: it is archived upstream, and whatever follows it is put in here.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeProgressRing,
  vsCodeTextField,
} from "@vscode/webview-ui-toolkit";
import { icon } from "./dom";

export function registerToolkit(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeProgressRing(),
    vsCodeTextField(),
  );
}

export interface ButtonOptions {
  primary?: boolean;
  icon?: string;
  testId?: string;
}

export interface Button {
  element: HTMLElement;
  setDisabled(disabled: boolean): void;
  setText(text: string): void;
  /** Of a button that was made with an icon. */
  setIcon(name: string): void;
}

export function button(text: string, onClick: () => void, options: ButtonOptions = {}): Button {
  const made = document.createElement("vscode-button") as HTMLElement & { disabled: boolean };
  made.setAttribute("appearance", options.primary ? "primary" : "secondary");
  if (options.testId) made.dataset.testid = options.testId;
  const glyph = options.icon ? icon(options.icon) : undefined;
  if (glyph !== undefined) {
    glyph.slot = "start";
    made.append(glyph);
  }
  // A bare text: the toolkit gives every element inside a button the size of an icon.
  const label = document.createTextNode(text);
  made.append(label);
  made.addEventListener("click", () => {
    if (!made.disabled) onClick();
  });
  return {
    element: made,
    setDisabled: (disabled) => {
      made.disabled = disabled;
    },
    setText: (now) => {
      if (label.data !== now) label.data = now;
    },
    setIcon: (name) => {
      if (glyph !== undefined) glyph.className = `codicon codicon-${name}`;
    },
  };
}

export interface Field {
  element: HTMLElement;
  value(): string;
  setValue(value: string): void;
  /** The label as screen readers say it, with what is wrong. */
  setAccessibleName(name: string, invalid: boolean): void;
}

export function textField(value: string, onInput: () => void): Field {
  const made = document.createElement("vscode-text-field") as HTMLElement & { value: string };
  made.value = value;
  made.addEventListener("input", onInput);
  return field(made);
}

export interface Choice {
  value: string;
  label: string;
}

export function dropdown(choices: readonly Choice[], value: string, onChange: () => void): Field {
  const made = document.createElement("vscode-dropdown") as HTMLElement & { value: string };
  for (const choice of choices) {
    const option = document.createElement("vscode-option");
    option.setAttribute("value", choice.value);
    option.textContent = choice.label;
    if (choice.value === value) option.setAttribute("selected", "");
    made.append(option);
  }
  made.addEventListener("change", onChange);
  return field(made);
}

function field(made: HTMLElement & { value: string }): Field {
  return {
    element: made,
    value: () => made.value,
    setValue: (value) => {
      made.value = value;
    },
    setAccessibleName: (name, invalid) => {
      made.setAttribute("aria-label", name);
      made.setAttribute("aria-invalid", String(invalid));
      made.classList.toggle("invalid", invalid);
    },
  };
}

export function progressRing(): HTMLElement {
  const made = document.createElement("vscode-progress-ring");
  made.setAttribute("aria-hidden", "true");
  return made;
}
