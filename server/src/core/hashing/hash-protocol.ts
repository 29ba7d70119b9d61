export type HashAlgorithm = 'md5' | 'sha1' | 'sha256';

/** Main thread to worker. `lane` names one running digest. */
export type HashRequest =
  | { readonly kind: 'start'; readonly lane: number; readonly algorithm: HashAlgorithm }
  | { readonly kind: 'block'; readonly block: number; readonly memory: SharedArrayBuffer }
  | { readonly kind: 'retire'; readonly block: number }
  | { readonly kind: 'update'; readonly lane: number; readonly block: number; readonly length: number }
  | { readonly kind: 'finish'; readonly lane: number }
  | { readonly kind: 'drop'; readonly lane: number };

/** Worker to main thread. */
export type HashReply =
  | { readonly kind: 'hashed'; readonly lane: number; readonly block: number }
  | { readonly kind: 'digest'; readonly lane: number; readonly hex: string };
