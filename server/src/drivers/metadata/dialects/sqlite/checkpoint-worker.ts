import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { CheckpointAnswer, CheckpointRequest } from './checkpoints.ts';

/** How long a checkpoint that excludes writers waits for writers of other processes. */
const BUSY_MS = 100;

const port = parentPort;
if (port === null) throw new Error('This module runs as a worker only.');

const { path } = workerData as { path: string };
const database = new DatabaseSync(path, { timeout: BUSY_MS });
// Without it this connection, too, would checkpoint by itself, but on other terms.
database.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = NORMAL');
const statements = {
  passive: database.prepare('PRAGMA wal_checkpoint(PASSIVE)'),
  restart: database.prepare('PRAGMA wal_checkpoint(RESTART)'),
  truncate: database.prepare('PRAGMA wal_checkpoint(TRUNCATE)'),
};

function answer(value: CheckpointAnswer): void {
  port?.postMessage(value);
}

port.on('message', (request: CheckpointRequest) => {
  if (request === 'close') {
    database.close();
    port.close();
    return;
  }
  try {
    const row = statements[request].get() ?? {};
    answer({ busy: row.busy !== 0, frames: Number(row.log), copied: Number(row.checkpointed) });
  } catch (error) {
    answer({ error: error instanceof Error ? error.message : String(error) });
  }
});
