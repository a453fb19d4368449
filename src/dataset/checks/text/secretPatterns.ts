/** The keys and tokens that are recognised by their shape alone. */

export interface SecretPattern {
  /** As a message names it. */
  name: string;
  /** Sticky: tried where the marker stands. Repetitions are bounded, so that no text makes it slow. */
  pattern: RegExp;
}

const github: SecretPattern = { name: "GitHub token", pattern: /gh[pousr]_[A-Za-z0-9]{36,255}(?![A-Za-z0-9])/y };
const aws: SecretPattern = { name: "AWS access key", pattern: /(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])/y };
const stripe: SecretPattern = { name: "Stripe key", pattern: /[sr]k_live_[A-Za-z0-9]{16,120}/y };
const slack: SecretPattern = {
  name: "Slack token",
  pattern: /xox[abeoprs]-(?=[A-Za-z-]{0,40}\d)[A-Za-z0-9-]{20,250}/y,
};

/** By the text with which the secret begins. */
export const secretPatterns: Readonly<Record<string, SecretPattern>> = {
  AKIA: aws,
  ASIA: aws,
  ABIA: aws,
  ACCA: aws,
  ghp_: github,
  gho_: github,
  ghu_: github,
  ghs_: github,
  ghr_: github,
  github_pat_: { name: "GitHub token", pattern: /github_pat_[A-Za-z0-9_]{60,120}/y },
  "glpat-": { name: "GitLab token", pattern: /glpat-[A-Za-z0-9_.-]{20,300}/y },
  "xoxa-": slack,
  "xoxb-": slack,
  "xoxe-": slack,
  "xoxo-": slack,
  "xoxp-": slack,
  "xoxr-": slack,
  "xoxs-": slack,
  "hooks.slack.com/services/T": {
    name: "Slack webhook",
    pattern: /hooks\.slack\.com\/services\/T[A-Z0-9]{8,12}\/B[A-Z0-9]{8,12}\/[A-Za-z0-9]{20,32}/y,
  },
  AIza: { name: "Google API key", pattern: /AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/y },
  sk_live_: stripe,
  rk_live_: stripe,
  "sk-ant-": { name: "Anthropic key", pattern: /sk-ant-[A-Za-z0-9_-]{20,250}/y },
  "sk-": {
    name: "OpenAI key",
    pattern:
      /sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,250}|(?=[A-Za-z]{0,60}\d)[A-Za-z0-9]{32,64}(?![A-Za-z0-9_-]))/y,
  },
  hf_: { name: "Hugging Face token", pattern: /hf_[A-Za-z0-9]{30,40}(?![A-Za-z0-9_])/y },
  npm_: { name: "npm token", pattern: /npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_])/y },
  "pypi-": { name: "PyPI token", pattern: /pypi-[A-Za-z0-9_-]{40,400}/y },
  dop_v1_: { name: "DigitalOcean token", pattern: /dop_v1_[a-f0-9]{64}/y },
  "SG.": { name: "SendGrid key", pattern: /SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/y },
  eyJ: {
    name: "JSON Web Token",
    pattern: /eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{20,1000}/y,
  },
};

const markers = Object.keys(secretPatterns).sort((left, right) => right.length - left.length);

/** Where such a secret could begin: a marker that does not go on a word. */
export const secretMarker = new RegExp(
  `(?<![A-Za-z0-9_-])(?:${markers.map((marker) => marker.replaceAll(".", "\\.")).join("|")})`,
  "g",
);
