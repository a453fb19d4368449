import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { passesLuhn, passesMod97 } from "./accountNumbers";
import { personalData } from "./personalData";

const check = (text: string) =>
  personalData({ path: ["output"], text, role: "answer" }).map(({ range }) => text.slice(range!.start, range!.end));

describe("personal data", () => {
  it.each([
    "vdwarren@education.wisc.edu",
    "h.mueller+news@posteo.de",
    "brovertek@gmail.com",
    "+44 20 7946 0823",
    "+49-171-3920174",
    "+33612398457",
    "(415) 867-2309",
    "4539 1488 0343 6467",
    "371149635310002",
    "NL91 ABNA 0417 1643 00",
  ])("finds %s", (datum) => {
    expect(check(`é😀: ${datum}, or`)).toEqual([datum]);
    expect(check(datum)).toEqual([datum]);
    expect(check(`"${datum}"`)).toEqual([datum]);
  });

  it.each([
    "john.doe@example.com",
    "user@domain.com, your_email@gmail.com, test@test.org",
    "x = weights@inputs.mean(), icon@2x.png, lodash@4.17.21",
    "@app.route('/'), git@github.com:a/b.git, root@server",
    "https://bob:kX9vT2qLmR@db.corp.net",
    "1234567890 and 987654321012",
    "+1234567890, +1 555 867 5309, (555) 123-4567",
    "f(x +12345678901) and 5 +4915173920174",
    "4111 1111 1111 1111 and 4242424242424242",
    "4539 1488 0343 6468",
    "GB82 WEST 1234 5698 7654 32",
    "NL91 ABNA 0417 1643 01",
    "0.4539148803436467",
    "2024-01-31 12:30:45.123456",
  ])("leaves %s alone", (text) => {
    expect(check(text)).toEqual([]);
  });

  it("reports five at most", () => {
    expect(check("brovertek@gmail.com ".repeat(9))).toHaveLength(5);
  });
});

describe("check digits", () => {
  const digits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 12, maxLength: 18 }).map((all) => all.join(""));

  it("lets one card number in ten pass", () => {
    fc.assert(
      fc.property(digits, (number) => {
        const passing = [..."0123456789"].filter((last) => passesLuhn(number + last));
        expect(passing).toHaveLength(1);
      }),
    );
  });

  it("sees one wrong digit of an IBAN", () => {
    const number = "NL91ABNA0417164300";
    expect(passesMod97(number)).toBe(true);
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 17 }), fc.integer({ min: 1, max: 9 }), (place, shift) => {
        const digit = (Number(number[place]) + shift) % 10;
        expect(passesMod97(number.slice(0, place) + digit + number.slice(place + 1))).toBe(false);
      }),
    );
  });
});
