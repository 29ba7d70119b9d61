import { createHash, createHmac, randomBytes } from 'node:crypto';

/** 256 random bits as 43 URL-safe characters. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** How a secret is kept: SHA-256, lower-case hex. It has 256 random bits, so nothing slower is needed. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/**
 * The secret that follows another: who has only that one, or only the nonce, cannot know it; who has both always finds the same. So two who show
 * one refresh token at once get one successor, and it is never kept.
 */
export function successorOf(secret: string, nonce: string): string {
  return createHmac('sha256', secret).update(nonce).digest('base64url');
}
