import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StorageDriver, StoredObject } from '#core/ports/storage-driver.ts';
import { LocalDiskDriver } from '#drivers/storage/local-disk/local-disk-driver.ts';
import type { StorageDriverType } from '#drivers/storage/storage-driver-type.ts';

/** How long the store takes now, in milliseconds; read from its control file before every call. */
export interface Control {
  /** Before the first byte of an object. */
  readonly read?: number;
  /** After the bytes of a put are durable, and after those of a join. */
  readonly put?: number;
  /** Before the bytes go. */
  readonly delete?: number;
}

/** A folder that all nodes share, that joins objects itself, and that is as slow as it is told to be. No wait hears of a signal. */
const slowStore: StorageDriverType = {
  settings: {
    type: 'object',
    properties: { path: { type: 'string' }, control: { type: 'string' } },
    required: ['path', 'control'],
    additionalProperties: false,
  },
  async create(settings) {
    const { path, control } = settings as { readonly path: string; readonly control: string };
    const disk = await LocalDiskDriver.start({ path, nodeLocal: false });
    const wait = async (what: keyof Control) => {
      const { [what]: ms = 0 } = JSON.parse(readFileSync(control, 'utf8')) as Control;
      if (ms > 0) await sleep(ms);
    };
    const driver: StorageDriver = {
      nodeLocal: false,
      put: async (...all) => {
        const put = await disk.put(...all);
        if (all[0].includes('/')) await wait('put');
        return put;
      },
      open: async (...all) => slowly(await disk.open(...all), () => wait('read')),
      stat: (...all) => disk.stat(...all),
      delete: async (...all) => {
        await wait('delete');
        await disk.delete(...all);
      },
      compose: async (key, sources, options) => {
        const open = async function* () {
          for (const source of sources) yield* (await disk.open(source)).chunks;
        };
        const put = await disk.put(key, { size: undefined, replayable: true, open }, options);
        await wait('put');
        return put;
      },
      list: (...all) => disk.list(...all),
      sweep: (...all) => disk.sweep(...all),
      close: () => disk.close(),
    };
    return driver;
  },
};

export default slowStore;

function slowly(object: StoredObject, wait: () => Promise<void>): StoredObject {
  const chunks = async function* () {
    await wait();
    yield* object.chunks;
  };
  return { size: object.size, chunks: chunks(), close: () => object.close() };
}
