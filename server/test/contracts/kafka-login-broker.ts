import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const SASL_HANDSHAKE = 17;
const API_VERSIONS = 18;
const SASL_AUTHENTICATE = 36;
const METADATA = 3;
const REFUSED = 58;

export interface LoginBroker {
  readonly port: number;
  /** Mechanisms that clients asked for. */
  readonly mechanisms: readonly string[];
  /** What clients sent to prove who they are, the first message of each. */
  readonly proofs: readonly string[];
  close(): Promise<void>;
}

/** As much of a broker as a login needs, over TLS with a certificate: it lets nobody in. */
export async function startLoginBroker(tls?: { key: string; cert: string }): Promise<LoginBroker> {
  const sockets = new Set<Socket>();
  const mechanisms: string[] = [];
  const proofs: string[] = [];
  const serve = (socket: Socket) => {
    sockets.add(socket);
    let read = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      read = Buffer.concat([read, chunk]);
      for (let size = sizeOf(read); size !== undefined; size = sizeOf(read)) {
        answer(socket, read.subarray(4, 4 + size));
        read = read.subarray(4 + size);
      }
    });
  };
  const answer = (socket: Socket, request: Buffer) => {
    const [api, correlation] = [request.readInt16BE(0), request.subarray(4, 8)];
    const body = request.subarray(10 + Math.max(0, request.readInt16BE(8)));
    if (api === SASL_HANDSHAKE) mechanisms.push(body.subarray(2).toString());
    if (api === SASL_AUTHENTICATE) proofs.push(body.subarray(4).toString());
    const content = {
      [API_VERSIONS]: versions(),
      [SASL_HANDSHAKE]: handshake(),
      [SASL_AUTHENTICATE]: refusal(),
    };
    const known = (content as Readonly<Record<number, Buffer>>)[api];
    if (known === undefined) socket.destroy();
    else socket.write(framed(Buffer.concat([correlation, known])));
  };
  const server: Server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    mechanisms,
    proofs,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function sizeOf(bytes: Buffer): number | undefined {
  const size = bytes.length < 4 ? undefined : bytes.readInt32BE(0);
  return size === undefined || bytes.length < 4 + size ? undefined : size;
}

function framed(bytes: Buffer): Buffer {
  return Buffer.concat([int32(bytes.length), bytes]);
}

function versions(): Buffer {
  const offered = [METADATA, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE];
  const newest = (api: number) => (api === SASL_HANDSHAKE ? 1 : 0);
  const each = offered.flatMap((api) => [int16(api), int16(0), int16(newest(api))]);
  // Of version 1 and later, which clients ask for first, time to wait comes last.
  return Buffer.concat([int16(0), int32(offered.length), ...each, int32(0)]);
}

function handshake(): Buffer {
  const names = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'];
  return Buffer.concat([int16(0), int32(names.length), ...names.map(text)]);
}

function refusal(): Buffer {
  return Buffer.concat([int16(REFUSED), text('no such user'), int32(0)]);
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
