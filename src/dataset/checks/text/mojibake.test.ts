import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findMojibake, mojibake } from "./mojibake";

const windows1252 = new TextDecoder("windows-1252");
const misread = (text: string) => windows1252.decode(new TextEncoder().encode(text));

describe("mojibake", () => {
  it.each([
    ["caf", "é", ""],
    ["isn", "’", "t"],
    ["", "“", "quoted"],
    ["a ", "—", " b"],
    ["20 ", "°", "C"],
    ["", "£", "5"],
    ["", "日本語", " text"],
    ["", "Привет", "!"],
    ["nice ", "😀", ""],
    ["vo", "ı", "l"],
    ["S", "é", "curité"],
    ["voil", "à", ""],
  ])("finds %s[%s]%s", (before, meant, after) => {
    const text = before + misread(meant) + after;
    expect(findMojibake(text)).toEqual({
      start: before.length,
      end: before.length + misread(meant).length,
      mended: meant,
    });
  });

  it("reads through two wrong encodings", () => {
    expect(findMojibake(misread(misread("é")))).toMatchObject({ mended: "é" });
  });

  it("finds what Latin-1 made of it", () => {
    expect(findMojibake("isnâ\u0080\u0099t")).toEqual({ start: 3, end: 6, mended: "’" });
  });

  it("says what was meant", () => {
    const [problem] = mojibake({ path: ["output"], text: "fiancÃ©", role: "answer" });
    expect(problem!.message).toContain('reads "Ã©" where "é" was meant');
    expect(problem).toMatchObject({ check: "mojibake", range: { start: 5, end: 7 } });
  });

  it.each([
    "« Déjà vu », l’été à Noël… « CAFÉ » — ça coûte 5 €",
    "«\u00a0Voilà\u00a0» «\u00a0É\u00a0» “café…” ‘Até…’",
    "NÃO, CORAÇÃO – MAÇÃ” Ângela “PÃ”",
    "„Ä“ und „Ö“, Größe ±5 µm, 20 °C, § 5",
    "1.54Å±0.01, 3×½, naïve™, ß²",
    "Việt Nam, Ăn, ÂM NHẠC – tiếng Việt",
    "Öl… Übung» Åse’s Çelik” ñ°",
    "日本語 текст עברית",
  ])("leaves %s alone", (text) => {
    expect(findMojibake(text)).toBeNull();
  });

  it("mends every misread word of the Latin-1 letters", () => {
    const letter = fc.constantFrom(..."àáâãäåæçèéêëìíîïñòóôõöøùúûüý");
    fc.assert(
      fc.property(letter, (meant) => {
        expect(findMojibake(`ab${misread(meant)}cd`)).toEqual({ start: 2, end: 4, mended: meant });
      }),
    );
  });
});
