import { randomBytes } from 'node:crypto';
import type { RestClient } from '../e2e/rest/client.ts';

const PART_BYTES = 8 * 1024 * 1024;

/** Completes a file of this many parts of 8 MiB and returns its uid; its verification takes seconds, the space of one part suffices. */
export async function bigFile(rest: RestClient, parts: number): Promise<string> {
  const bytes = randomBytes(PART_BYTES);
  const uid = await rest.open({ name: 'big.bin', size: parts * PART_BYTES });
  const waiting = Array.from({ length: parts }, (_, index) => index + 1);
  const lane = async (): Promise<void> => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      const { status } = await rest.part(uid, number, bytes);
      if (status !== 200) throw new Error(`Part ${number} answered ${status}.`);
    }
  };
  await Promise.all([lane(), lane(), lane()]);
  const done = await rest.complete(uid, { parts });
  if (done.status !== 200) throw new Error(`Complete answered ${done.status}: ${done.bytes}`);
  return uid;
}
