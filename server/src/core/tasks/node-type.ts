import { createHash } from 'node:crypto';

const MAX_TYPE_LENGTH = 64;

/** The type of the tasks that only this node can do, so that nobody else claims them. */
export function nodeTypeOf(work: string, nodeId: string): string {
  const plain = `${work}.${nodeId}`;
  if (plain.length <= MAX_TYPE_LENGTH) return plain;
  const digest = createHash('sha256').update(nodeId).digest('hex').slice(0, 16);
  return `${plain.slice(0, MAX_TYPE_LENGTH - digest.length - 1)}.${digest}`;
}
