import { Type } from 'typebox';
import type { StorageDriverType } from '../storage-driver-type.ts';
import { MemoryDriver } from './memory-driver.ts';

const settings = Type.Object({}, { additionalProperties: false });

export const memory: StorageDriverType<typeof settings> = {
  settings,
  async create(_settings, { logger }) {
    logger.warn({}, 'A memory store forgets its objects when the process ends; use it for tests only.');
    return new MemoryDriver();
  },
};
