/** Randomness as a parameter, so that a seed can repeat a run. */
export interface Random {
  /** 0 or more, less than 1. */
  next(): number;
  /** An integer from `least` to `most`, both inclusive. */
  int(least: number, most: number): number;
  bytes(length: number): Uint8Array;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  int: (least, most) => least + Math.floor(Math.random() * (most - least + 1)),
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

/**
 * Returns the same numbers for the same seed on every machine: Chris Doty-Humphrey's sfc32 (PractRand), seeded by
 * splitmix32 so that similar seeds give unrelated numbers. Not for secrets.
 */
export function seededRandom(seed: number): Random {
  let filler = seed | 0;
  const fill = () => {
    filler = (filler + 0x9e3779b9) | 0;
    let mixed = filler ^ (filler >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  let [a, b, c, counter] = [fill(), fill(), fill(), fill()];
  const word = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  const next = () => word() / 2 ** 32;
  return {
    next,
    int: (least, most) => least + Math.floor(next() * (most - least + 1)),
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let i = 0; i < length; i++) bytes[i] = word() & 0xff;
      return bytes;
    },
  };
}
