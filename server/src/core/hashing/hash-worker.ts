import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { HashReply, HashRequest } from './hash-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('hash-worker.ts runs only as a worker thread');

const lanes = new Map<number, Hash>();
const blocks = new Map<number, Uint8Array>();
const reply = (message: HashReply) => port.postMessage(message);

port.on('message', (request: HashRequest) => {
  switch (request.kind) {
    case 'start':
      lanes.set(request.lane, createHash(request.algorithm));
      return;
    case 'block':
      blocks.set(request.block, new Uint8Array(request.memory));
      return;
    case 'retire':
      blocks.delete(request.block);
      return;
    case 'update': {
      const memory = blocks.get(request.block);
      if (memory === undefined) throw new Error(`hash worker was never given block ${request.block}`);
      lanes.get(request.lane)?.update(memory.subarray(0, request.length));
      reply({ kind: 'hashed', lane: request.lane, block: request.block });
      return;
    }
    case 'finish': {
      const hash = lanes.get(request.lane);
      if (hash === undefined) throw new Error(`hash worker has no lane ${request.lane}`);
      lanes.delete(request.lane);
      reply({ kind: 'digest', lane: request.lane, hex: hash.digest('hex') });
      return;
    }
    case 'drop':
      lanes.delete(request.lane);
  }
});
