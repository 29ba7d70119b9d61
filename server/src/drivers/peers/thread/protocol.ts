/** Given to the thread when it starts. */
export interface PeerTimeouts {
  /** Until a connection stands. */
  readonly connectMs: number;
  /** From the request to the head of the answer. */
  readonly firstByteMs: number;
  /** Without a byte while one is due. */
  readonly idleMs: number;
}

/** One request without a body. */
export interface PeerRequest {
  /** The URL of the node; its path does not count. */
  readonly address: string;
  readonly method: 'GET' | 'HEAD' | 'DELETE';
  readonly target: string;
  readonly authorization: string;
}

/** What the thread is told. */
export type ToThread =
  | { readonly kind: 'ask'; readonly id: number; readonly request: PeerRequest }
  /** The bytes of a piece are used; its memory goes back. */
  | { readonly kind: 'taken'; readonly id: number; readonly memory: ArrayBuffer }
  /** Nobody wants the rest of the answer. */
  | { readonly kind: 'end'; readonly id: number };

export interface AnswerHead {
  readonly status: number;
  /** Those of osproxy itself, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the answer says about the length of its content; undefined where it says nothing that can be relied on. */
  readonly length: number | undefined;
}

/** Bytes `from` to `to` of memory that belongs to whoever gets the message. */
export interface Piece {
  readonly memory: ArrayBuffer;
  readonly from: number;
  readonly to: number;
}

/** What the thread tells. After a head without `whole` come its pieces until they add up to its length, or a failure. */
export type FromThread =
  | {
      readonly kind: 'head';
      readonly id: number;
      readonly head: AnswerHead;
      readonly whole: ArrayBuffer | undefined;
    }
  | { readonly kind: 'piece'; readonly id: number; readonly piece: Piece }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string; readonly stale: boolean };
