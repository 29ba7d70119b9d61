/** What the service counts about itself; an implementation must never throw and never wait. */
export interface Telemetry {
  /** One call of a storage driver. `outcome` is 'ok' or an ErrorCode. */
  storageOperation(store: string, operation: string, outcome: string, seconds: number): void;
  /** One attempt of a task. `outcome` is 'done', 'retry', 'released', 'waiting', 'failed', 'cancelled' or 'lost'. */
  taskAttempt(type: string, outcome: string, seconds: number): void;
  /** Bytes of file content that went through; direction as seen by the service. */
  transferred(direction: 'in' | 'out', bytes: number): void;
  /** One blob brought from one store to another. `outcome` is 'ok', 'refused' or an ErrorCode. */
  relocated(from: string, to: string, outcome: string, bytes: number): void;
  /** One place of a blob that was read again. `outcome` is 'good', 'repaired', 'damaged' or 'skipped'; `bytes` is what was read. */
  scrubbed(store: string, outcome: string, bytes: number): void;
  /** One content of strangers that was looked at. `outcome` is 'ok' or a MediaReason. */
  lookedAt(outcome: string, seconds: number): void;
  /** One event of a change that was committed. */
  eventAppended(type: string): void;
  /** What a sink said about one event: 'delivered', 'refused', 'unavailable' or 'gone'; or 'parked' when it has refused it for the last time. */
  eventTold(sink: string, outcome: string): void;
  /** One upload or download that ended. */
  usageRecorded(kind: 'upload' | 'download', outcome: string): void;
  /** Counts a transfer as open until the returned function is called; calling it again does nothing. */
  transferOpened(direction: 'in' | 'out'): () => void;
}

export const silentTelemetry: Telemetry = {
  storageOperation: () => {},
  taskAttempt: () => {},
  transferred: () => {},
  relocated: () => {},
  scrubbed: () => {},
  lookedAt: () => {},
  eventAppended: () => {},
  eventTold: () => {},
  usageRecorded: () => {},
  transferOpened: () => () => {},
};
