import { createHash } from 'node:crypto';

/** A name that every database server takes as it is, whatever the letters of the service's own name are. */
export function databaseName(service: string): string {
  return `e2e_${createHash('sha256').update(service).digest('hex').slice(0, 32)}`;
}
