import type { Share } from '#core/model/share.ts';
import type { MetadataWriter } from '#core/ports/metadata.ts';

const SHARE: Share = {
  ...{ id: '1', userId: '1', entryId: '1', key: 'k', permission: 'view', label: 'l', password: 'p' },
  ...{ passwordEpoch: 1, expiresAt: 1, maxDownloads: 1, downloads: 0, maxUploads: 1, maxUploadBytes: 1 },
  ...{ uploads: 0, createdAt: 1, updatedAt: 1, lastUsedAt: 1 },
};
const TICKET = { hash: 'h', userId: '1', sessionId: '1', wish: {}, createdAt: 1, expiresAt: 1 };

/** Every query about shares, their visitors and tickets; what belongs to an entry goes with it. */
export async function callShares(r: MetadataWriter): Promise<void> {
  await r.shares.insert(SHARE, 'h');
  await r.shares.find('1');
  await r.shares.findByKey('h');
  await r.shares.lock('1');
  await r.shares.list({ userId: '1', limit: 10 });
  await r.shares.list({ userId: '1', entryId: '1', limit: 10 });
  await r.shares.sharedAmong(['1', '2']);
  await r.shares.update(SHARE);
  await r.shares.putVisit('1', 'v', 1);
  await r.shares.visit('1', 'v');
  await r.shares.removeVisits(1, 10);
  await r.shares.lockTries('t', 1);
  await r.shares.setTries('t', { count: 1, until: 1 });
  await r.shares.removeTries(1, 10);
  await r.shares.insertTicket(TICKET);
  await r.shares.findTicket('h');
  await r.shares.takeTicket('h');
  await r.shares.insertTicket(TICKET);
  await r.shares.removeTickets(1, 10);
  await r.entries.remove(['1']);
  await r.shares.insert(SHARE, 'h');
  await r.shares.remove('1');
}
