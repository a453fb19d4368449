export { getHFHubCachePath as defaultCacheRoot } from "@huggingface/hub";
export { type DownloadPlan, type DownloadProgress, downloadModel, planDownload } from "./downloadModel";
export { DEFAULT_ENDPOINT, HubConnection } from "./hubConnection";
export { HubError } from "./hubError";
export { isRevision } from "./modelCache";
export { isRepositoryName } from "./repository";
