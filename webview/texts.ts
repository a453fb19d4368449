/** The page's texts: English here, looked up in the translations that VS Code has loaded and the host wrote into the page. */

type Bundle = Record<string, string | { message: string }>;

let bundle: Bundle | undefined;

function load(): Bundle {
  const written = document.getElementById("texts")?.textContent ?? "{}";
  return JSON.parse(written) as Bundle;
}

export function t(message: string, ...args: (string | number)[]): string {
  bundle ??= load();
  const found = bundle[message] ?? message;
  const text = typeof found === "string" ? found : found.message;
  return text.replace(/\{(\d+)\}/g, (whole, index: string) => String(args[Number(index)] ?? whole));
}
