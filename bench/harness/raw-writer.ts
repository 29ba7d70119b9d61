// Creates files of 4 KiB with fsync and rename, with plain system calls, in as many threads as asked; prints files per second.
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, constants, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, threadId, Worker, workerData } from 'node:worker_threads';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

interface Work {
  readonly folder: string;
  readonly seconds: number;
  /** [ready threads, 1 to start, files made] */
  readonly shared: Int32Array;
}

if (isMainThread) {
  const [folder = '', threads = '1', seconds = '1'] = process.argv.slice(2);
  const shared = new Int32Array(new SharedArrayBuffer(12));
  const work: Work = { folder, seconds: Number(seconds), shared };
  const workers = Array.from(
    { length: Number(threads) },
    () => new Worker(import.meta.filename, { workerData: work }),
  );
  const ended = workers.map((worker) => once(worker, 'exit'));
  while (Atomics.load(shared, 0) < workers.length) await new Promise((resolve) => setTimeout(resolve, 5));
  const start = performance.now();
  Atomics.store(shared, 1, 1);
  Atomics.notify(shared, 1);
  await Promise.all(ended);
  const elapsed = (performance.now() - start) / 1000;
  process.stdout.write(String(Atomics.load(shared, 2) / elapsed));
} else {
  const { folder, seconds, shared } = workerData as Work;
  const bytes = randomFillSync(Buffer.alloc(4096));
  Atomics.add(shared, 0, 1);
  Atomics.wait(shared, 1, 0);
  const end = performance.now() + seconds * 1000;
  let made = 0;
  for (; performance.now() < end; made += 1) {
    const temp = join(folder, `temp-${threadId}`);
    const file = openSync(temp, NEW_FILE, 0o640);
    writeSync(file, bytes);
    fsyncSync(file);
    closeSync(file);
    renameSync(temp, join(folder, `${threadId}-${made}`));
  }
  Atomics.add(shared, 2, made);
}
