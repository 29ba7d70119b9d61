import { hash, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { HashWorkers } from '../server/src/core/hashing/hash-workers.ts';
import { INLINE_HASH_BYTES } from '../server/src/core/hashing/hashed-source.ts';
import { hashPipeline } from '../server/src/core/hashing/pipeline.ts';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { KIB } from './harness/files.ts';
import { median } from './harness/median.ts';
import { printTable } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Series } from './harness/series.ts';

const { rounds, atOnce, milliseconds } = numbers({ rounds: 5, atOnce: 32, milliseconds: 300 });
const SIZES_KIB = [4, 16, 32, 64, 128, 256, 512, 1024];
const CHUNK_BYTES = 64 * KIB;
const THREADS = Math.min(4, availableParallelism());

type Way = (chunks: readonly Buffer[]) => Promise<void>;

/** What a body costs the event loop, and how many get through. */
interface Cost {
  readonly perSecond: number;
  readonly busyMicroseconds: number;
}

await benchmark({
  title: `hashing-border: MD5 and SHA-256 inline against ${THREADS} threads by size of the body, ${atOnce} bodies at once`,
  diskBytes: 0,
  run: async () => {
    const workers = new HashWorkers(THREADS);
    const ways: { name: string; way: Way }[] = [
      { name: 'inline', way: inline },
      { name: 'threads', way: (chunks) => threaded(chunks, workers) },
    ];
    const rows: string[][] = [];
    for (const kib of SIZES_KIB) {
      const chunks = chunksOf(kib * KIB);
      const busy = ways.map((): number[] => []);
      const contenders = ways.map(({ name, way }, index) => ({
        name,
        measure: async (round: number) => {
          const cost = await costOf(way, chunks);
          if (round > 0) busy[index]?.push(cost.busyMicroseconds);
          return cost.perSecond;
        },
      }));
      const [inlined, threads] = await measureRounds(contenders, rounds);
      if (inlined && threads) rows.push(row(kib, inlined, threads, busy));
    }
    await workers.close();
    printTable(
      [
        'body',
        'inline per s',
        'threads per s',
        'threads / inline',
        'event loop inline µs',
        'threads µs',
        'ratio',
      ],
      rows,
    );
    console.log(`Bodies up to ${INLINE_HASH_BYTES / KIB} KiB are hashed inline.`);
  },
});

function row(kib: number, inlined: Series, threads: Series, busy: readonly number[][]): string[] {
  const [onLoop = Number.NaN, handing = Number.NaN] = busy.map((values) => median(values));
  return [
    `${kib} KiB`,
    inlined.median.toFixed(0),
    threads.median.toFixed(0),
    (threads.median / inlined.median).toFixed(2),
    onLoop.toFixed(0),
    handing.toFixed(0),
    (handing / onLoop).toFixed(2),
  ];
}

/** The pieces a body arrives in. */
function chunksOf(bytes: number): Buffer[] {
  const body = randomBytes(bytes);
  const count = Math.ceil(bytes / CHUNK_BYTES);
  return Array.from({ length: count }, (_, index) =>
    body.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
  );
}

/** As hashed-source does with small bodies: gathered, then both digests in one go. */
async function inline(chunks: readonly Buffer[]): Promise<void> {
  const bytes = Buffer.concat(chunks);
  hash('sha256', bytes);
  hash('md5', bytes);
}

async function threaded(chunks: readonly Buffer[], workers: HashWorkers): Promise<void> {
  const arriving = (async function* () {
    yield* chunks;
  })();
  const pipeline = hashPipeline(new Uint8Array(0), arriving, ['sha256', 'md5'], workers);
  for await (const _ of pipeline.chunks);
  await pipeline.digests();
}

async function costOf(way: Way, chunks: readonly Buffer[]): Promise<Cost> {
  const before = performance.eventLoopUtilization();
  const start = performance.now();
  const end = start + milliseconds;
  let bodies = 0;
  const lane = async () => {
    while (performance.now() < end) {
      await way(chunks);
      bodies += 1;
      await new Promise(setImmediate);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const elapsed = performance.now() - start;
  const { active } = performance.eventLoopUtilization(before);
  return { perSecond: (bodies / elapsed) * 1000, busyMicroseconds: (active / bodies) * 1000 };
}
