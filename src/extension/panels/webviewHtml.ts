import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

/** The page of one of our webviews: its own script under a nonce, no network, no inline scripts. */
export function webviewHtml(
  webview: vscode.Webview,
  extensionUri: vscode.Uri,
  name: "run-panel" | "now" | "dataset-view" | "compare",
): string {
  const dist = vscode.Uri.joinPath(extensionUri, "dist", "webview");
  const uri = (file: string) => webview.asWebviewUri(vscode.Uri.joinPath(dist, file)).toString();
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
<link rel="stylesheet" href="${uri("codicon.css")}">
<link rel="stylesheet" href="${uri(`${name}.css`)}">
<title>Tunesmith</title>
</head>
<body data-view="${name}">
<main id="root"></main>
<script type="application/json" id="texts">${texts()}</script>
<script nonce="${nonce}" src="${uri(`${name}.js`)}"></script>
</body>
</html>`;
}

/** The translations that VS Code loaded for this language; the page looks its texts up in them. */
function texts(): string {
  return JSON.stringify(vscode.l10n.bundle ?? {}).replaceAll("<", "\\u003c");
}

export function webviewOptions(extensionUri: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extensionUri, "dist", "webview")] };
}
