import { describe, expect, it } from "vitest";
import { findSecrets, secret } from "./secret";

const check = (text: string) => findSecrets(text).map(({ start, end }) => text.slice(start, end));

/** Put together here, so that no scanner takes this file for a leak. */
const noise = "aB3dE5fG7hJ9kL2mN4pQ6rS8tU1vW3xY5zA7bC9dE2fG4hJ6kL8mN1pQ3rS5tU7vW9xY2zA4";
const samples: [string, string][] = [
  ["AWS access key", `AKIA${"Q3EGRT7WYZ2LMK5P"}`],
  ["GitHub token", `ghp_${noise.slice(0, 36)}`],
  ["GitHub token", `github_pat_${noise.slice(0, 22)}_${noise.slice(0, 59)}`],
  ["GitLab token", `glpat-${noise.slice(0, 20)}`],
  ["Slack token", `xoxb-${"2738194650"}-${"8362517409"}-${noise.slice(0, 24)}`],
  ["Slack webhook", `hooks.slack.com/services/T0Q8R7W6E/B5T4Y3U2I/${noise.slice(0, 24)}`],
  ["Google API key", `AIza${noise.slice(0, 35)}`],
  ["Stripe key", `sk_live_${noise.slice(0, 24)}`],
  ["OpenAI key", `sk-${noise.slice(0, 48)}`],
  ["OpenAI key", `sk-proj-${noise.slice(0, 60)}`],
  ["Anthropic key", `sk-ant-api03-${noise}`],
  ["Hugging Face token", `hf_${noise.slice(0, 34)}`],
  ["npm token", `npm_${noise.slice(0, 36)}`],
  ["PyPI token", `pypi-${noise}`],
  ["SendGrid key", `SG.${noise.slice(0, 22)}.${noise.slice(0, 43)}`],
  ["JSON Web Token", `eyJ${noise.slice(0, 20)}.eyJ${noise.slice(5, 40)}.${noise.slice(0, 43)}`],
];

describe("secrets", () => {
  it.each(samples)("finds a %s, bare and assigned", (name, value) => {
    expect(findSecrets(`é😀 key = "${value}"`)).toEqual([
      { name: `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`, start: 11, end: 11 + value.length },
    ]);
    expect(check(`api_key="${value}"`)).toEqual([value]);
    expect(check(`export X=${value}\n`)).toEqual([value]);
  });

  it("finds a whole private key", () => {
    const key = `-----BEGIN RSA ${"PRIVATE KEY"}-----\n${noise.slice(0, 64)}\n${noise.slice(0, 30)}==\n-----END RSA PRIVATE KEY-----`;
    expect(check(`key = """${key}"""`)).toEqual([key]);
    expect(check(`-----BEGIN ${"PRIVATE KEY"}-----\n...\n-----END PRIVATE KEY-----`)).toEqual([]);
  });

  it("finds the password of an address", () => {
    expect(check("postgres://app:kX9vT2qLmR@db.corp.net/main")).toEqual(["kX9vT2qLmR"]);
    expect(check("postgres://postgres:postgres@localhost/x mysql://user:password@db/x")).toEqual([]);
    expect(check("http://{user}:{pw}@host https://bob:$PW@host http://host:8080/a@b")).toEqual([]);
  });

  it.each([
    ['password = "kX9!vT2qLm"', "kX9!vT2qLm"],
    ["'db_password': 'rT7#kQ2zLp9'", "rT7#kQ2zLp9"],
    ['PASSWORD: str = "kX9!vT2qLm"', "kX9!vT2qLm"],
    ['client_secret="q8Zr3LkT9xVw2MnB7cJd"', "q8Zr3LkT9xVw2MnB7cJd"],
    ['headers["token"] = "q8Zr3LkT9xVw2MnB7cJd"', "q8Zr3LkT9xVw2MnB7cJd"],
  ])("finds the value of %s", (text, value) => {
    expect(check(text)).toEqual([value]);
  });

  it.each([
    'password = "your_password"',
    'password = "password123"',
    'password = "P@ssw0rd123!"',
    'password = "MyS3cretPw!"',
    'password = "xxxxxxxxxx"',
    'api_key = "YOUR_API_KEY_HERE"',
    'api_key = "<your-key-1234-abcd>"',
    'password = os.environ["DB_PASSWORD"]',
    'token = "abcdef123456abcdef123456"',
    'password = f"{user}-{salt}9A"',
    "secret = 'correct horse battery staple'",
    'aws_key = "AKIAIOSFODNN7EXAMPLE"',
    'key = "sk-your-key-goes-in-this-place-right-here"',
    "a task-management-system, risk-assessment and disk-space",
    "sha = 'd41d8cd98f00b204e9800998ecf8427e'",
    `jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.${"eyJzdWIiOiIxMjM0NTY3ODkw"}IiwibmFtZSI6IkpvaG4gRG9lIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"`,
  ])("leaves %s alone", (text) => {
    expect(check(text)).toEqual([]);
  });

  it("reports five at most, each with what it is", () => {
    const text = `token: ghp_${noise.slice(0, 36)}\n`.repeat(9);
    const problems = secret({ path: ["output"], text, role: "answer" });
    expect(problems).toHaveLength(5);
    expect(problems[0]!.message).toBe(
      '"output" holds what looks like a GitHub token: replace it with a placeholder, and revoke it if it is real.',
    );
  });
});
