import { MemoryDriver } from '#drivers/storage/memory/memory-driver.ts';
import { storageContract } from './storage-contract.ts';

storageContract('memory', async () => ({ driver: new MemoryDriver(), cleanup: async () => {} }));
