import { afterEach, beforeEach, describe } from 'vitest';
import { managingContract } from './storage-contract-managing.ts';
import { puttingContract } from './storage-contract-putting.ts';
import { readingContract } from './storage-contract-reading.ts';
import type { CurrentSubject, StorageSubject } from './storage-subject.ts';

/** Every promise of the storage port, as tests; each test gets a fresh subject. */
export function storageContract(name: string, factory: () => Promise<StorageSubject>): void {
  describe(`storage contract: ${name}`, () => {
    let subject: StorageSubject | undefined;
    const current: CurrentSubject = () => {
      if (subject === undefined) throw new Error('No test is running.');
      return subject;
    };
    beforeEach(async () => {
      subject = await factory();
    });
    afterEach(async () => {
      await subject?.driver.close();
      await subject?.cleanup();
      subject = undefined;
    });
    puttingContract(current);
    readingContract(current);
    managingContract(current);
  });
}
