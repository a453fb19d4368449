import { describe, expect, it } from "vitest";
import { HubError } from "./hubError";
import { retryAfterMs, withRetries } from "./retry";
import { TransferRate } from "./transferRate";

describe("retries", () => {
  const transient = (asked: number | null = null) => new HubError("transient", "Try again.", asked);

  async function delaysOf(errors: Error[], progress?: () => number): Promise<{ delays: number[]; outcome: string }> {
    const delays: number[] = [];
    const wait = async (milliseconds: number) => {
      delays.push(milliseconds);
    };
    const attempt = async () => {
      const error = errors.shift();
      if (error !== undefined) throw error;
      return "done";
    };
    const options = { attempts: 4, wait, signal: undefined, ...(progress ? { progress } : {}) };
    const outcome = await withRetries(attempt, options).catch((error: Error) => error.message);
    return { delays, outcome };
  }

  it("come ever more slowly and end", async () => {
    const { delays, outcome } = await delaysOf([1, 2, 3, 4, 5].map(() => transient()));
    expect(outcome).toBe("Try again.");
    expect(delays.map((delay) => Math.round(Math.log2(delay / 1000)) + 0)).toEqual([0, 1, 2]);
  });

  it("start over with each that gets further", async () => {
    let have = 0;
    const { delays, outcome } = await delaysOf(
      Array.from({ length: 40 }, () => transient()),
      () => have++,
    );
    expect(outcome).toBe("done");
    expect(Math.max(...delays)).toBeLessThan(1300);
  });

  it("wait as long as is asked, within reason", async () => {
    expect(await delaysOf([transient(60_000)])).toEqual({ delays: [60_000], outcome: "done" });
    expect(await delaysOf([transient(3_600_000)])).toEqual({ delays: [], outcome: "Try again." });
  });

  it("are not made of what will not pass", async () => {
    expect(await delaysOf([new HubError("final", "No.")])).toEqual({ delays: [], outcome: "No." });
    expect(await delaysOf([new Error("Disk.")])).toEqual({ delays: [], outcome: "Disk." });
  });
});

it.each<[string | undefined, number | null]>([
  [undefined, null],
  ["7", 7000],
  ["Thu, 01 Jan 1970 00:00:30 GMT", 20_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["soon", null],
  ["-5x", null],
])("reads Retry-After: %s", (header, milliseconds) => {
  expect(retryAfterMs(header, 10_000)).toBe(milliseconds);
});

it("measures the last ten seconds", () => {
  const rate = new TransferRate();
  expect(rate.perSecond).toBeNull();
  rate.add(0, 0);
  expect(rate.perSecond).toBeNull();
  rate.add(1000, 1000);
  expect(rate.perSecond).toBe(1000);
  for (let second = 2; second <= 30; second++) rate.add(1000 + (second - 1) * 50, second * 1000);
  expect(rate.perSecond).toBe(50);
});
