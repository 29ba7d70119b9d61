import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A port that is free at the moment, chosen by the system. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** A free port below those the system hands out, at the start of a thousand of which the caller may use the rest too. */
export async function freeThousand(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(10, 31) * 1000;
    if (await isFree(port)) return port;
  }
  throw new Error('No free range of ports was found.');
}
