/** Elements without markup in strings: nothing that is shown can become HTML. */

export interface ElementOptions {
  class?: string;
  id?: string;
  text?: string;
  testId?: string;
  role?: string;
  title?: string;
  hidden?: boolean;
  attributes?: Record<string, string>;
}

type Child = Node | string | null | undefined | false;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: ElementOptions = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (options.class) made.className = options.class;
  if (options.id) made.id = options.id;
  if (options.text !== undefined) made.textContent = options.text;
  if (options.testId) made.dataset.testid = options.testId;
  if (options.role) made.setAttribute("role", options.role);
  if (options.title) made.title = options.title;
  if (options.hidden) made.hidden = true;
  for (const [name, value] of Object.entries(options.attributes ?? {})) made.setAttribute(name, value);
  made.append(...children.filter((child): child is Node | string => Boolean(child) || child === ""));
  return made;
}

/** A codicon; it says nothing that the words beside it do not say. */
export function icon(name: string, extra = ""): HTMLElement {
  return element("span", {
    class: `codicon codicon-${name} ${extra}`.trimEnd(),
    attributes: { "aria-hidden": "true" },
  });
}

/** A link that acts: a real button for keyboard and screen reader. */
export function linkButton(text: string, onClick: () => void, testId?: string): HTMLButtonElement {
  const made = element("button", { class: "link", text, ...(testId === undefined ? {} : { testId }) });
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

/** Sets the text only where it differs, so that screen readers and selections are left alone. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Where a state is told to screen readers. */
export function liveRegion(): HTMLElement {
  return element("div", { class: "for-screen-readers", role: "status", attributes: { "aria-live": "polite" } });
}
