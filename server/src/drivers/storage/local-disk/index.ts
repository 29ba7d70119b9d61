import { Type } from 'typebox';
import type { StorageDriverType } from '../storage-driver-type.ts';
import { LocalDiskDriver } from './local-disk-driver.ts';

const settings = Type.Object(
  {
    path: Type.String({ minLength: 1, description: 'The folder that holds the objects; made when missing.' }),
    shared: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Every node sees the same folder, so that each can read what another put there.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const localDisk: StorageDriverType<typeof settings> = {
  settings,
  create: ({ path, shared }) => LocalDiskDriver.start({ path, nodeLocal: shared !== true }),
};
