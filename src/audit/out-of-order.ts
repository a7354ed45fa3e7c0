/**
 * The fewest positions whose removal leaves the rest ascending: all that are not on a longest increasing subsequence (patience
 * sorting, n log n). Undefined values are passed over.
 */
export function outOfOrder(values: (number | undefined)[]): number[] {
  const tails: number[] = [];
  const before = new Map<number, number>();
  values.forEach((value, position) => {
    if (value === undefined) return;
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (values[tails[middle]!]! < value) low = middle + 1;
      else high = middle;
    }
    if (low > 0) before.set(position, tails[low - 1]!);
    tails[low] = position;
  });
  const kept = new Set<number>();
  for (let at = tails.at(-1); at !== undefined; at = before.get(at)) kept.add(at);
  return values.flatMap((value, position) => (value === undefined || kept.has(position) ? [] : [position]));
}
