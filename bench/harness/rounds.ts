import { idleMoment } from './machine.ts';
import { median } from './median.ts';
import type { Contender, Series } from './series.ts';

/**
 * Measures every contender once per round, in turn, after one unmeasured round, so that what disturbs the machine disturbs all alike.
 * Every other round goes backwards: nobody always follows the same neighbour.
 *
 * `justBefore` runs right before each measurement and does not count: it puts the machine into the same state for everybody.
 */
export async function measureRounds(
  contenders: readonly Contender[],
  rounds: number,
  justBefore: () => Promise<void> = async () => {},
): Promise<Series[]> {
  const values = contenders.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    const order = contenders.map((_, index) => index);
    if (round % 2 === 1) order.reverse();
    for (const index of order) {
      const contender = contenders[index];
      await contender?.prepare?.(round);
      await idleMoment();
      await justBefore();
      const value = await contender?.measure(round);
      if (value !== undefined && round > 0) values[index]?.push(value);
    }
    showProgress(round === 0 ? 'warmed up' : `round ${round} of ${rounds}`);
  }
  return contenders.map(({ name }, index) => series(name, values[index] ?? []));
}

function series(name: string, values: readonly number[]): Series {
  return { name, values, median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** For people who wait; a run whose output is kept stays clean. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}\r`);
}
