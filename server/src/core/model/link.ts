import type { Uid } from './uid.ts';

/** read: download the file. write: send parts of the upload with this uid and complete it. */
export type LinkScope = 'read' | 'write';

/** An expiring, revocable permission for one uid, carried in a URL. */
export interface LinkRecord {
  readonly id: string;
  readonly uid: Uid;
  readonly owner: string;
  readonly scope: LinkScope;
  readonly disposition: 'inline' | 'attachment';
  readonly expiresAt: number;
  /** Downloads allowed in all; undefined means any number. */
  readonly maxUses: number | undefined;
  readonly uses: number;
  readonly createdAt: number;
  readonly revokedAt: number | undefined;
}
