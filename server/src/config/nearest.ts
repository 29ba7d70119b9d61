const SHORTEST_PREFIX = 4;

/** The candidate that `word` starts, or that differs from it by few edits, when a typing mistake is a likely reason; else undefined. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const all = [...candidates];
  const lower = word.toLowerCase();
  const limit = Math.max(2, Math.floor(word.length / 4));
  const close = all
    .map((candidate) => ({ candidate, distance: editDistance(lower, candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  const continued = all.filter((candidate) => candidate.toLowerCase().startsWith(lower));
  return (
    close[0]?.candidate ??
    (word.length >= SHORTEST_PREFIX && continued.length === 1 ? continued[0] : undefined)
  );
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
