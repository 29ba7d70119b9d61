import { Type } from 'typebox';
import type { StorageDriverType } from '../storage-driver-type.ts';
import { LocalDiskDriver } from './local-disk-driver.ts';

const settings = Type.Object(
  {
    path: Type.String({ minLength: 1, description: 'The folder that holds the objects; made when missing.' }),
  },
  { additionalProperties: false },
);

export const localDisk: StorageDriverType<typeof settings> = {
  settings,
  create: ({ path }) => LocalDiskDriver.start({ path }),
};
