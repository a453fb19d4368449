import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import * as vscode from "vscode";

type Page = "run-panel" | "now" | "dataset-view" | "compare";

/**
 * The page of one of our webviews, with its script and styles inside: VS Code fetches each file of a page from the
 * extension's side through a service worker, one after the other, which takes longer than the page itself. The script
 * runs under a nonce; there is no network.
 */
export function webviewHtml(webview: vscode.Webview, extensionUri: vscode.Uri, name: Page): string {
  const dist = vscode.Uri.joinPath(extensionUri, "dist", "webview");
  const part = (file: string) => bundled(vscode.Uri.joinPath(dist, file).fsPath);
  const iconFont = webview.asWebviewUri(vscode.Uri.joinPath(dist, "codicon.ttf")).toString();
  const nonce = randomBytes(16).toString("base64url");
  const policy = [
    "default-src 'none'",
    `img-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    // The toolkit's components and uPlot set styles from their scripts.
    `style-src ${webview.cspSource} 'unsafe-inline'`,
    `script-src 'nonce-${nonce}'`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<style>${part("codicon.css").replace(/url\("[^"]*"\)/, () => `url("${iconFont}")`)}</style>
<style>${part(`${name}.css`)}</style>
<title>Tunesmith</title>
</head>
<body data-view="${name}">
<main id="root"></main>
<script type="application/json" id="texts">${texts()}</script>
<script nonce="${nonce}">${part(`${name}.js`)}</script>
</body>
</html>`;
}

const read = new Map<string, string>();

/** A file that the build wrote (scripts/build.mjs sees to it that it can stand in a page); read once. */
function bundled(path: string): string {
  const known = read.get(path) ?? readFileSync(path, "utf8");
  read.set(path, known);
  return known;
}

/** The translations that VS Code loaded for this language; the page looks its texts up in them. */
function texts(): string {
  return JSON.stringify(vscode.l10n.bundle ?? {}).replaceAll("<", "\\u003c");
}

export function webviewOptions(extensionUri: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extensionUri, "dist", "webview")] };
}
