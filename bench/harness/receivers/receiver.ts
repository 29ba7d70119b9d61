/** Somebody who is told of events, and how a sink is configured that tells it batched or one by one. */
export interface Receiver {
  readonly name: string;
  /** Of one event after the other, and of many at a time. */
  readonly single: { readonly name: string; readonly sink: object };
  readonly many: { readonly name: string; readonly sink: object };
  /** Events that came so far. */
  count(): number;
  close(): Promise<void>;
}
