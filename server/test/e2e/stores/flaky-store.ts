import { readFileSync } from 'node:fs';
import type { StorageDriver, StoredObject } from '#core/ports/storage-driver.ts';
import { LocalDiskDriver } from '#drivers/storage/local-disk/local-disk-driver.ts';
import type { StorageDriverType } from '#drivers/storage/storage-driver-type.ts';

/** What the store does now; read from its control file before every call. */
export interface Control {
  /** Of a read: refuse it, have lost the object, throw or end without a word after some bytes. */
  readonly read?: 'refuse' | 'missing' | 'throw' | 'end';
  readonly after?: number;
  readonly put?: 'refuse';
}

function failure(code: string): Error {
  return Object.assign(new Error('The flaky store fails on purpose.'), { code });
}

/** A folder that fails when it is told to: a driver of one's own, as a configuration would name it. */
const flakyStore: StorageDriverType = {
  settings: {
    type: 'object',
    properties: { path: { type: 'string' }, control: { type: 'string' } },
    required: ['path', 'control'],
    additionalProperties: false,
  },
  async create(settings) {
    const { path, control } = settings as { readonly path: string; readonly control: string };
    const disk = await LocalDiskDriver.start({ path });
    const now = (): Control => JSON.parse(readFileSync(control, 'utf8')) as Control;
    const driver: StorageDriver = {
      nodeLocal: true,
      put: (...all) => (now().put === 'refuse' ? Promise.reject(failure('Unavailable')) : disk.put(...all)),
      open: async (...all) => {
        const { read, after = 0 } = now();
        if (read === 'refuse') throw failure('Unavailable');
        if (read === 'missing') throw failure('NotFound');
        const object = await disk.open(...all);
        return read === undefined ? object : spoiled(object, read, after);
      },
      stat: (...all) => disk.stat(...all),
      delete: (...all) => disk.delete(...all),
      list: (...all) => disk.list(...all),
      sweep: (...all) => disk.sweep(...all),
      close: () => disk.close(),
    };
    return driver;
  },
};

export default flakyStore;

function spoiled(object: StoredObject, how: 'throw' | 'end', after: number): StoredObject {
  const chunks = async function* () {
    let left = after;
    for await (const chunk of object.chunks) {
      if (chunk.byteLength > left) {
        yield chunk.subarray(0, left);
        if (how === 'throw') throw failure('Unavailable');
        return;
      }
      left -= chunk.byteLength;
      yield chunk;
    }
  };
  return { size: object.size, chunks: chunks(), close: () => object.close() };
}
