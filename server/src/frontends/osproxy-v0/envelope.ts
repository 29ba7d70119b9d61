import { type TSchema, Type } from 'typebox';

/** The form of every success of this wire but the bytes of a file. */
export interface Success<T> {
  code: 0;
  message: 'ok';
  data: T;
}

export interface Failed {
  /** Repeats the HTTP status. */
  readonly code: number;
  readonly message: string;
  readonly data: '';
}

export function ok<T>(data: T): Success<T> {
  return { code: 0, message: 'ok', data };
}

const FAILED = Type.Object({
  code: Type.Integer({ description: 'Repeats the HTTP status.' }),
  message: Type.String({ description: 'One sentence for people: what is wrong and what to do.' }),
  data: Type.Literal(''),
});

/** Response schemas of a call whose success carries `data`. */
export function answers<T extends TSchema>(data: T) {
  const done = Type.Object({
    code: Type.Literal(0),
    message: Type.Literal('ok'),
    data,
  });
  return { 200: done, ...failures };
}

/** Response schemas of a call whose success is not an envelope. */
export const failures = { '4xx': FAILED, '5xx': FAILED };

/** `data` of calls that have nothing to tell. */
export const NOTHING = Type.Literal('');
