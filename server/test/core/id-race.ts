import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createLog } from '#drivers/logger/pino.ts';
import { openMetadata } from '#drivers/metadata/index.ts';

const run = promisify(execFile);
const MAKER = fileURLToPath(new URL('./id-maker.ts', import.meta.url));

/** Processes over one database make ids at the same time; resolves with how many there are and which came twice. */
export async function raceForIds(options: {
  readonly processes: number;
  readonly ids: number;
  readonly rounds: number;
}): Promise<{ readonly ids: number; readonly twice: readonly bigint[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-ids-'));
  try {
    const database = join(folder, 'ids.db');
    const metadata = await openMetadata(`sqlite:${database}`, {
      logger: createLog({ level: 'silent' }).logger,
    });
    await metadata.migrate();
    await metadata.close();
    const each = Math.ceil(options.ids / options.processes);
    const files = Array.from({ length: options.processes }, (_, index) => join(folder, `${index}.ids`));
    await Promise.all(
      files.map((file) =>
        run(process.execPath, [MAKER, database, file, String(each), String(options.rounds)]),
      ),
    );
    const all = new BigUint64Array(each * files.length);
    for (const [index, file] of files.entries()) {
      const bytes = await readFile(file);
      all.set(new BigUint64Array(bytes.buffer, bytes.byteOffset, each), index * each);
    }
    all.sort();
    const twice: bigint[] = [];
    for (let index = 1; index < all.length; index += 1) {
      const id = all[index] ?? 0n;
      if (id === all[index - 1] || id === 0n) twice.push(id);
    }
    return { ids: all.length, twice };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
