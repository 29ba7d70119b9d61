import type { Uid } from '../model/uid.ts';

/** Makes identifiers that no other node ever makes. */
export interface IdSource {
  /** Throws Unavailable when this process may not make ids at the moment (its worker number is not sure). */
  next(): Uid;
}
