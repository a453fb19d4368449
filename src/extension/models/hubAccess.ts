import * as vscode from "vscode";

/** Also where the setting was emptied. */
const DEFAULT_ENDPOINT = "https://huggingface.co";

/** The variable that a job finds its token in: arguments can be seen by other users of the machine. */
const TOKEN_VARIABLE = "TUNESMITH_HUB_TOKEN";

/** How the Hub is reached: its address, the token for it, the proxy. A token belongs to one address. */
export class HubAccess {
  constructor(private readonly secrets: vscode.SecretStorage) {}

  get endpoint(): string {
    const section = vscode.workspace.getConfiguration("tunesmith");
    const configured = section.get<string>("hubEndpoint", "").trim().replace(/\/+$/, "");
    return configured === "" ? DEFAULT_ENDPOINT : configured;
  }

  get host(): string {
    return URL.canParse(this.endpoint) ? new URL(this.endpoint).host : this.endpoint;
  }

  async hasToken(): Promise<boolean> {
    return (await this.secrets.get(this.#key)) !== undefined;
  }

  async storeToken(token: string): Promise<void> {
    await this.secrets.store(this.#key, token);
  }

  async forgetToken(): Promise<void> {
    await this.secrets.delete(this.#key);
  }

  /** What a job that talks to the Hub is given: options of the command line, and variables. */
  async forJob(): Promise<{ options: string[]; environment: Record<string, string> }> {
    const options = ["--endpoint", this.endpoint];
    const environment = proxyVariables();
    const token = await this.secrets.get(this.#key);
    if (token !== undefined) {
      options.push("--token-env", TOKEN_VARIABLE);
      environment[TOKEN_VARIABLE] = token;
    }
    return { options, environment };
  }

  get #key(): string {
    return `hubToken:${this.endpoint}`;
  }
}

/** VS Code's own proxy settings, over what the environment says: in lower case they come first. */
function proxyVariables(): Record<string, string> {
  const http = vscode.workspace.getConfiguration("http");
  if (http.get<string>("proxySupport") === "off") return { no_proxy: "*" };
  const variables: Record<string, string> = {};
  const proxy = http.get<string>("proxy", "").trim();
  if (proxy !== "") Object.assign(variables, { http_proxy: proxy, https_proxy: proxy });
  const exempt = http.get<string[]>("noProxy", []);
  if (exempt.length > 0) variables.no_proxy = exempt.join(",");
  return variables;
}
