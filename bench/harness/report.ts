import { median } from './median.ts';
import type { Series } from './series.ts';

/** Left column flush left, the others flush right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  for (const row of all) {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? '';
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(cells.join('  ').trimEnd());
  }
  console.log('');
}

export interface Measure {
  /** Shown beside the figure. */
  readonly unit: string;
  readonly digits: number;
  /** True for times: the smaller figure is the better one. */
  readonly lessIsBetter: boolean;
  /** A second reading of the figure, such as a rate from seconds. */
  readonly also?: { readonly unit: string; of(value: number): string };
}

export function printSeries(all: readonly Series[], measure: Measure): void {
  const show = (value: number) => value.toFixed(measure.digits);
  const head = ['', `median ${measure.unit}`, 'least', 'most'];
  if (measure.also !== undefined) head.push(measure.also.unit);
  const rows = all.map(({ name, median: middle, least, most }) => {
    const row = [name, show(middle), show(least), show(most)];
    if (measure.also !== undefined) row.push(measure.also.of(middle));
    return row;
  });
  printTable(head, rows);
}

export interface Comparison {
  readonly subject: Series;
  readonly reference: Series;
  /** Such as "aim ≥ 0.9, at least 0.6". */
  readonly aim?: string;
}

/**
 * How fast the subject is as a fraction of the reference: 1 is as fast, above 1 is faster. First the ratio of the medians, then the
 * median, least and most of the ratios of each round.
 */
export function printRatios(comparisons: readonly Comparison[], measure: Measure): void {
  const head = ['speed as a fraction of the reference', 'ratio', 'by round', 'least', 'most', ''];
  const rows = comparisons.map(({ subject, reference, aim }) => {
    const ratio = (a: number, b: number) => (measure.lessIsBetter ? b / a : a / b);
    const each = subject.values.map((value, round) => ratio(value, reference.values[round] ?? Number.NaN));
    const of = [ratio(subject.median, reference.median), median(each), Math.min(...each), Math.max(...each)];
    return [`${subject.name} / ${reference.name}`, ...of.map((value) => value.toFixed(2)), aim ?? ''];
  });
  printTable(head, rows);
}

/** Seconds for a known number of bytes, with MB/s beside. */
export function secondsFor(bytes: number): Measure {
  return {
    unit: 's',
    digits: 2,
    lessIsBetter: true,
    also: { unit: 'MB/s', of: (seconds) => (bytes / seconds / 1e6).toFixed(0) },
  };
}

export const PER_SECOND: Measure = { unit: 'per s', digits: 0, lessIsBetter: false };

/** What a program that uploads to a disk measures. */
export interface UploadSeries {
  readonly ours: Series;
  readonly dd: Series;
  readonly nginx: Series;
  readonly md5: Series;
  /** The same client and a server that throws the bytes away. */
  readonly discards: Series;
}

/** The end of every program that uploads `bytes` to a disk; `md5` says what the ratio to MD5 means there. */
export function printUpload(all: UploadSeries, bytes: number, md5: string): void {
  const { ours, dd, nginx, discards } = all;
  const measure = secondsFor(bytes);
  printSeries([dd, nginx, ours, all.md5, discards], measure);
  printRatios(
    [
      { subject: ours, reference: dd, aim: 'aim ≥ 0.9, at least 0.6' },
      { subject: ours, reference: nginx, aim: 'aim ≥ 0.65, at least 0.4' },
      { subject: ours, reference: all.md5, aim: md5 },
      { subject: ours, reference: discards, aim: 'client, loopback and HTTP alone' },
    ],
    measure,
  );
}
