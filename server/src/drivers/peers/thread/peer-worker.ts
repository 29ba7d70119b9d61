import { parentPort, workerData } from 'node:worker_threads';
import { ReadBuffers } from '../../read-buffers/read-buffers.ts';
import { Connections } from './connections.ts';
import { Exchange } from './exchange.ts';
import type { FromThread, PeerTimeouts, ToThread } from './protocol.ts';

/** For all answers together that are larger than 64 KiB: up to 16 at once get buffers of 1 MiB, more get smaller ones. */
const AHEAD_BYTES = 32 * 1024 * 1024;

const port = parentPort;
if (port === null) throw new Error('This module runs as a worker only.');

const { timeouts } = workerData as { timeouts: PeerTimeouts };
const connections = new Connections();
const buffers = new ReadBuffers({ budgetBytes: AHEAD_BYTES });
const exchanges = new Map<number, Exchange>();

const tell = (message: FromThread, memory?: ArrayBuffer): void =>
  port.postMessage(message, memory === undefined ? [] : [memory]);

port.on('message', (message: ToThread) => {
  const { id } = message;
  switch (message.kind) {
    case 'ask': {
      const { request } = message;
      const onOver = () => void exchanges.delete(id);
      try {
        exchanges.set(id, new Exchange({ id, request, timeouts, connections, buffers, tell, onOver }));
      } catch (error) {
        tell({ kind: 'failed', id, message: String(error), stale: false });
      }
      return;
    }
    case 'taken':
      buffers.give(Buffer.from(message.memory));
      exchanges.get(id)?.taken();
      return;
    case 'end':
      exchanges.get(id)?.end();
  }
});
