import { describe, expect, it } from "vitest";
import type { TextPart } from "../checks/textPart";
import { NearDuplicates, type NearFacts } from "./nearDuplicates";
import { rowFacts } from "./rowFacts";
import { MOST_COMPARED } from "./sketchIndex";
import { jaccard, mutated, row, seeded, words } from "./testTexts";

function factsOf(parts: TextPart[]): NearFacts {
  return rowFacts(parts) as NearFacts;
}

function addAll(near: NearDuplicates, rows: readonly TextPart[][]): (number | null)[] {
  return rows.map((parts, number) => near.add(number, factsOf(parts))?.other ?? null);
}

describe("near-duplicates", () => {
  it("are found where brute force finds them, and not where it finds none", () => {
    const random = seeded(11);
    const near = new NearDuplicates(10_000);
    const originals: TextPart[][] = [];
    const tally = { alike: 0, found: 0, reported: 0, wrong: 0 };
    for (let pair = 0; pair < 600; pair++) {
      const prompt = words(15 + random() * 40, random);
      const answer = words(20 + random() * 150, random);
      originals.push(row(prompt.join(" "), answer.join(" ")));
      near.add(pair, factsOf(originals[pair]!));
      const share = random() * 0.15;
      const copy = row(mutated(prompt, share, random).join(" "), mutated(answer, share, random).join(" "));
      // A row that is only asked for: the next ones are compared with the originals.
      const [match] = near.nearest(-1, factsOf(copy), 1);
      const similarity = jaccard(originals[pair]!, copy);
      if (similarity >= 0.9) {
        tally.alike++;
        if (match?.row === pair) tally.found++;
      }
      if (match) {
        tally.reported++;
        if (jaccard(originals[match.row]!, copy) < 0.6) tally.wrong++;
      }
    }
    expect(tally.alike).toBeGreaterThan(50);
    expect(tally.reported).toBeGreaterThan(tally.alike);
    expect(tally.found).toBeGreaterThanOrEqual(tally.alike * 0.95);
    expect(tally.wrong).toBe(0);
  });

  it("are found among short rows too", () => {
    const random = seeded(12);
    let alike = 0;
    let found = 0;
    for (let pair = 0; pair < 400; pair++) {
      const prompt = words(8 + random() * 12, random);
      const answer = words(4 + random() * 12, random);
      const near = new NearDuplicates(10);
      const original = row(prompt.join(" "), answer.join(" "));
      near.add(0, factsOf(original));
      const copy = row(prompt.join(" ").toUpperCase(), [...answer, ...words(random() < 0.5 ? 0 : 1, random)].join(" "));
      if (jaccard(original, copy) < 0.9) continue;
      alike++;
      if (near.add(1, factsOf(copy))) found++;
    }
    expect(alike).toBeGreaterThan(150);
    expect(found).toBeGreaterThanOrEqual(alike * 0.95);
  });

  it("are found among thousands of rows that leave most bins empty", () => {
    const random = seeded(21);
    const near = new NearDuplicates(10_000);
    const rows = Array.from({ length: 4000 }, () => [words(6, random), words(14, random)] as const);
    for (const [number, [prompt, answer]] of rows.entries()) {
      near.add(number, factsOf(row(prompt.join(" "), answer.join(" "))));
    }
    const found = rows.slice(0, 100).filter(([prompt, answer], number) => {
      const copy = row(prompt.join(" "), `${answer.join(" ")} more`);
      return near.nearest(-1, factsOf(copy), 1)[0]?.row === number;
    });
    expect(found.length).toBeGreaterThanOrEqual(95);
  });

  it("name the earlier row that is closest, and how close it is", () => {
    const random = seeded(13);
    const base = words(100, random);
    const other = [...base.slice(0, 92), ...words(8, random)];
    const near = new NearDuplicates(10);
    near.add(3, factsOf(row("Say it.", other.join(" "))));
    near.add(5, factsOf(row("Say it.", base.join(" "))));
    const finding = near.add(8, factsOf(row("Say it.", [...base, "end"].join(" "))));
    expect(finding).toMatchObject({ row: 8, other: 5, problem: { check: "near-duplicate", path: ["instruction"] } });
    expect(finding?.problem.message).toMatch(/^This row is 9\d % the same as row 5: keep the better one\.$/);
  });

  it("never claim to be all the same", () => {
    const near = new NearDuplicates(10);
    near.add(1, factsOf(row("Write a function that adds two numbers.", "def add(a, b): return a + b")));
    const finding = near.add(
      2,
      factsOf(row("write a function that adds two numbers.", "def add(a, b):  return a + b")),
    );
    expect(finding?.problem.message).toContain(" 99 % ");
  });

  it("are not rows that share an introduction or a passage, however long", () => {
    const random = seeded(14);
    const introduction = words(500, random).join(" ");
    const rows = Array.from({ length: 300 }, () =>
      row(`${introduction} ${words(15, random).join(" ")}`, words(25, random).join(" ")),
    );
    expect(jaccard(rows[0]!, rows[1]!)).toBeGreaterThan(0.8);
    expect(addAll(new NearDuplicates(1000), rows).filter((other) => other !== null)).toEqual([]);
  });

  it("are not questions about one passage with different short answers", () => {
    const passage = words(300, seeded(15)).join(" ");
    const rows = ["yes", "no"].map((answer) => row(`${passage} Is it ${answer}?`, answer));
    expect(addAll(new NearDuplicates(10), rows)).toEqual([null, null]);
  });

  it("are found in time that grows with the rows and no faster, even where all share an introduction", () => {
    const random = seeded(16);
    const introduction = words(400, random).join(" ");
    const near = new NearDuplicates(20_000);
    const rows = 3000;
    let compared = 0;
    const index = near as unknown as { index: { similarity: (...parameters: unknown[]) => number } };
    const similarity = index.index.similarity.bind(index.index);
    index.index.similarity = (...parameters) => {
      compared++;
      return similarity(...parameters);
    };
    for (let number = 0; number < rows; number++) {
      near.add(number, factsOf(row(`${introduction} ${words(10, random).join(" ")}`, words(20, random).join(" "))));
    }
    // All pairs would be 1,500 a row.
    expect(compared).toBeLessThanOrEqual(rows * MOST_COMPARED);
    expect(compared).toBeGreaterThan(rows);
  });

  it("are found although thousands of rows share an introduction with them", () => {
    const random = seeded(20);
    const introduction = words(300, random).join(" ");
    const near = new NearDuplicates(20_000);
    const rows = Array.from({ length: 3000 }, () => [words(20, random), words(60, random)] as const);
    for (const [number, [prompt, answer]] of rows.entries()) {
      near.add(number, factsOf(row(`${introduction} ${prompt.join(" ")}`, answer.join(" "))));
    }
    const found = rows.slice(0, 100).filter(([prompt, answer], number) => {
      const copy = row(`${introduction} ${prompt.join(" ")} now`, answer.slice(1).join(" "));
      return near.nearest(-1, factsOf(copy), 1)[0]?.row === number;
    });
    expect(found.length).toBeGreaterThanOrEqual(95);
  });

  it("are sought among the rows that there is room for; the others are counted", () => {
    const random = seeded(17);
    const near = new NearDuplicates(2);
    const texts = Array.from({ length: 3 }, () => words(50, random).join(" "));
    for (const [number, text] of texts.entries()) near.add(number, factsOf(row("Say it.", text)));
    expect(near.leftOut).toBe(1);
    expect(near.add(3, factsOf(row("Say it.", `${texts[1]} more`)))?.other).toBe(1);
    expect(near.add(4, factsOf(row("Say it.", `${texts[2]} more`)))).toBeNull();
    expect(near.leftOut).toBe(3);
  });

  it("keep what was added when the index grows", () => {
    const random = seeded(18);
    const near = new NearDuplicates(100_000);
    // Whether answers as short as these are the same is told by their hashes.
    const rows = Array.from({ length: 2600 }, () => factsOf(row(words(30, random).join(" "), "Yes.")));
    for (const [number, facts] of rows.entries()) near.add(number, facts);
    for (const number of [0, 1023, 1024, 2047, 2048, 2599]) {
      expect(near.nearest(number, rows[number]!, 3)).toEqual([]);
      expect(near.nearest(-1, rows[number]!, 3)).toEqual([{ row: number, similarity: 1 }]);
    }
  });

  it("are listed closest first for one row", () => {
    const random = seeded(19);
    const base = words(120, random);
    const near = new NearDuplicates(10);
    const versions = [0, 20, 1, 10].map((more) => row("Say it.", [...base, ...words(more, random)].join(" ")));
    addAll(near, versions);
    expect(near.nearest(0, factsOf(versions[0]!), 2).map((match) => match.row)).toEqual([2, 3]);
  });
});
