// Reads a small and a large object over TLS, the large one twice, and leaves one in the middle; says on stdout what came.
import { createHash } from 'node:crypto';
import { OsproxyError } from '#core/errors.ts';
import { PeerThread } from './peer-thread.ts';

const [address = '', ...lengths] = process.argv.slice(2);
const timeouts = { connectMs: 5_000, firstByteMs: 5_000, idleMs: 5_000 };
const thread = new PeerThread(timeouts);

const ask = (length: string) =>
  thread.ask(
    { address, method: 'GET', target: `/${length}`, authorization: 'x' },
    { signal: undefined, broken: (error) => new OsproxyError('Unavailable', error.message) },
  );

try {
  const digests: string[] = [];
  for (const length of lengths) {
    const { bytes, body } = await ask(length);
    const hash = createHash('sha256');
    if (body === undefined) hash.update(bytes ?? '');
    else for await (const chunk of body) hash.update(chunk);
    digests.push(hash.digest('hex'));
  }
  const { body } = await ask(lengths.at(-1) ?? '');
  await body?.next();
  await body?.close();
  console.log(JSON.stringify(digests));
} catch (error) {
  console.log(JSON.stringify(String(error)));
} finally {
  await thread.close();
}
