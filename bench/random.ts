/** Seeded, so that every run and both sides get the same rows. */
export type Random = () => number;

/** Mulberry32: numbers in [0, 1). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Ranks from 0 by Zipf's law: rank k comes up in proportion to 1 / (k + 1) ^ exponent. */
export function zipf(random: Random, size: number, exponent: number): () => number {
  const upTo = new Float64Array(size);
  let sum = 0;
  for (let k = 0; k < size; k++) upTo[k] = sum += (k + 1) ** -exponent;
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = size - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (upTo[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Log-normal: `median` in the middle, and a long tail that grows with `sigma`. */
export function logNormal(random: Random, median: number, sigma: number): () => number {
  return () => median * Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}
