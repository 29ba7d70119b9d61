import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { NetConnectOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Bytes that one system call takes from a connection at most; node:net itself takes 64 KiB into new memory each time. */
const READ_BYTES = 256 * 1024;

/** Every connection reads into this: node:http copies a body out of it before anybody reads again. */
const memory = Buffer.allocUnsafeSlow(READ_BYTES);

type Connected = Duplex | null | undefined;
type OnConnected = (error: Error | null, connection: Duplex) => void;

/** The piece of an answer in memory of its own, whatever node:http made of what was read. */
export function kept(piece: Buffer): Buffer {
  return piece.buffer === memory.buffer ? Buffer.from(piece) : piece;
}

class ReadingHttpAgent extends HttpAgent {
  override createConnection(options: NetConnectOpts, connected?: OnConnected): Connected {
    return readingInto((reading) => super.createConnection({ ...options, ...reading }, connected));
  }
}

class ReadingHttpsAgent extends HttpsAgent {
  override createConnection(options: NetConnectOpts, connected?: OnConnected): Connected {
    return readingInto((reading) => super.createConnection({ ...options, ...reading }, connected));
  }
}

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/** Agents whose connections read in large pieces, without memory for each. */
export function readingAgents(options: AgentOptions): Agents {
  return { http: new ReadingHttpAgent(options), https: new ReadingHttpsAgent(options) };
}

function readingInto(connect: (reading: object) => Connected): Connected {
  let socket: Connected;
  const callback = (count: number): boolean => {
    (socket as Socket).emit('data', memory.subarray(0, count));
    return true;
  };
  socket = connect({ onread: { buffer: memory, callback } });
  return socket;
}
