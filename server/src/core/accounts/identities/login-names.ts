import { randomInt } from 'node:crypto';
import type { ProvenIdentity } from '../../ports/identity-provider.ts';

const MOST = 48;
const NUMBERED = 9;
const RANDOM = 5;

/** Names that a new user may sign in with, the best first; whoever asks takes the first that is free. */
export function* loginNames({ login, email, emailVerified, name }: ProvenIdentity): Generator<string> {
  const mailbox = emailVerified ? email?.split('@')[0] : undefined;
  const base = [login, mailbox, name].map(asName).find((one) => one !== undefined) ?? 'user';
  yield base;
  for (let number = 2; number <= NUMBERED; number += 1) yield `${base}-${number}`;
  for (let count = 0; count < RANDOM; count += 1) yield `${base}-${randomInt(1_000_000)}`;
}

/** What of a text can be a login name; undefined where nothing can. */
function asName(text: string | undefined): string | undefined {
  const [local = ''] = (text ?? '').normalize('NFC').split('@');
  const name = local
    .replaceAll(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .replace(/[._-]+$/u, '');
  return name === '' ? undefined : [...name].slice(0, MOST).join('');
}
