import { createHash, randomBytes } from 'node:crypto';

const FORM = /^[A-Za-z0-9_-]{32}$/;

/** 192 random bits. */
export function newShareKey(): string {
  return randomBytes(24).toString('base64url');
}

/** What a share is looked up by: how long that takes says nothing about keys that are there. undefined for what is no key. */
export function hashOfShareKey(key: string): string | undefined {
  return FORM.test(key) ? createHash('sha256').update(key).digest('hex') : undefined;
}
