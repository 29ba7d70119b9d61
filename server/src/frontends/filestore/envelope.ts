import { type TSchema, Type } from 'typebox';

/** The form of every success of this wire but the bytes of a file. */
export interface Success<T> {
  code: 0;
  msg: 'ok';
  data: T;
}

export interface Failed {
  /** The HTTP status, negative. */
  readonly code: number;
  readonly msg: string;
  readonly data: null;
}

export function ok<T>(data: T): Success<T> {
  return { code: 0, msg: 'ok', data };
}

const FAILED = Type.Object({
  code: Type.Integer({ description: 'The HTTP status, negative.' }),
  msg: Type.String({ description: 'One sentence for people: what is wrong and what to do.' }),
  data: Type.Null(),
});

/** Response schemas of a call whose success is not an envelope. */
export const failures = { '4xx': FAILED, '5xx': FAILED };

/** Response schemas of a call whose success carries `data`. */
export function answers<T extends TSchema>(data: T) {
  return { 200: Type.Object({ code: Type.Literal(0), msg: Type.Literal('ok'), data }), ...failures };
}

/** `data` of calls that have nothing to tell. */
export const NOTHING = Type.Null();
