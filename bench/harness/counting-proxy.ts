import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** One request that went through, by what it did to the store. */
export interface Passed {
  readonly kind: 'read' | 'copy' | 'other';
  /** Bytes of the bodies; headers are not in them. */
  readonly bodyUp: number;
  readonly bodyDown: number;
}

export interface CountingProxy {
  readonly endpoint: string;
  /** What has passed since the last call, in the order in which it ended. */
  take(): Passed[];
  close(): Promise<void>;
}

/** Passes requests to a store as they are and counts the bytes of their bodies. Signatures stay right: they name the host the client sees. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const passed: Passed[] = [];
  const { hostname, port } = new URL(target);
  const server = createServer((asked, answer) => {
    pass(asked, answer, { hostname, port }).then(
      (one) => passed.push(one),
      () => answer.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${own}`,
    take: () => passed.splice(0),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function pass(
  asked: IncomingMessage,
  answer: ServerResponse,
  target: { readonly hostname: string; readonly port: string },
): Promise<Passed> {
  const { method, url: path, headers } = asked;
  const sent = request({ ...target, method, path, headers });
  const answered = once(sent, 'response');
  const bytes = { up: 0, down: 0 };
  asked.on('data', (chunk: Buffer) => {
    bytes.up += chunk.length;
  });
  await pipeline(asked, sent);
  const [response] = (await answered) as [IncomingMessage];
  answer.writeHead(response.statusCode ?? 502, response.headers);
  response.on('data', (chunk: Buffer) => {
    bytes.down += chunk.length;
  });
  await pipeline(response, answer);
  return { kind: kindOf(asked), bodyUp: bytes.up, bodyDown: bytes.down };
}

/** A GET of an object has no query but the name of its operation. */
function kindOf({ method, url = '', headers }: IncomingMessage): Passed['kind'] {
  if (headers['x-amz-copy-source'] !== undefined) return 'copy';
  const { searchParams } = new URL(url, 'http://store');
  const aboutBucket = [...searchParams.keys()].some((name) => name !== 'x-id');
  return method === 'GET' && !aboutBucket ? 'read' : 'other';
}
