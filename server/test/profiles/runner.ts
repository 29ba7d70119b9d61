import { TestRunner, test } from 'vitest';
import { whyNot } from './place.ts';

/** Runs the files of a profile; where the profile is not to be had, each shows one skipped test with the reason. */
export default class ProfileRunner extends TestRunner {
  override async importFile(...file: Parameters<TestRunner['importFile']>): Promise<unknown> {
    const [, source] = file;
    const reason = source === 'collect' ? await whyNot() : undefined;
    if (reason === undefined) return super.importFile(...file);
    test('needs the servers of its profile', ({ skip }) => skip(reason));
    return undefined;
  }
}
