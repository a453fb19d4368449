/** The page's side of VS Code's message channel, typed by the view's protocol. */

interface VsCodeApi {
  postMessage(message: unknown): void;
  setState(state: unknown): void;
  getState(): unknown;
}
declare function acquireVsCodeApi(): VsCodeApi;

export interface Host<From, State> {
  post(message: From): void;
  /** What VS Code hands to the extension when it brings the page back after a reload. */
  keep(state: State): void;
  /** What an earlier life of the page kept, perhaps in an earlier version. */
  kept(): Partial<State> | undefined;
}

export function connect<To, From, State = never>(receive: (message: To) => void): Host<From, State> {
  const api = acquireVsCodeApi();
  window.addEventListener("message", (event: MessageEvent<To>) => receive(event.data));
  return {
    post: (message) => api.postMessage(message),
    keep: (state) => api.setState(state),
    kept: () => (api.getState() ?? undefined) as Partial<State> | undefined,
  };
}
