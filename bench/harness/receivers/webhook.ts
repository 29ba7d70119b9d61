import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Receiver } from './receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 'b').toString('base64')}`;

/** Answers every event after the time that a network takes. */
export async function startWebhook(latencyMs: number, lanes: number): Promise<Receiver> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      count += 1;
      setTimeout(() => response.writeHead(204).end(), latencyMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const sink = { type: 'webhook', url, secret: SECRET, allowPrivate: true };
  return {
    name: 'webhook',
    single: { name: 'one lane', sink: { ...sink, lanes: 1 } },
    many: { name: `${lanes} lanes`, sink: { ...sink, lanes } },
    count: () => count,
    close: async () => void server.close().closeAllConnections(),
  };
}
