import type { MetadataWriter } from '#core/ports/metadata.ts';
import { sampleRefreshToken, sampleSession, sampleUser } from './metadata-accounts.ts';
import { NOW, newId } from './metadata-samples.ts';
import { sampleOneTimeToken } from './metadata-sign-in.ts';

/** Every query about people, with values that find something where that matters. */
export async function callAccounts(r: MetadataWriter): Promise<void> {
  const user = sampleUser({ id: '1', groupId: '3', role: 'admin' });
  await r.users.insert(user, 'p');
  await r.users.find('1');
  await r.users.allowance('1');
  await r.users.lock('1');
  await r.users.findByName(user.name);
  await r.users.findByEmail(user.email ?? '');
  await r.users.findMany(['1', '2']);
  await r.users.list('1', 10);
  await r.users.startingWith('user-', 10);
  await r.users.ofGroup('3', '0', 10);
  await r.users.admins(10);
  await r.users.any();
  await r.users.password('1');
  await r.users.setPassword('1', 'q', 2);
  await r.users.signedIn('1', 2);
  await r.users.update(user);
  const token = sampleRefreshToken({ sessionId: '1' });
  await r.sessions.insert(sampleSession({ id: '1', userId: '1' }));
  await r.sessions.insertToken(token);
  await r.sessions.find('1');
  await r.sessions.state('1');
  await r.sessions.ofUser('1', 1, 10);
  await r.sessions.goOn('1', 2, 3, { address: undefined, agent: undefined });
  await r.sessions.lockToken(token.hash);
  await r.sessions.useToken(token.hash, 2, 'n');
  await r.sessions.end('1', '1', 2);
  await r.sessions.endAll('1', 2);
  await r.sessions.removeOld(2, 10);
  await r.sessions.removeOfUser('1');
  await r.users.remove('1');
  await callSignIn(r);
}

async function callSignIn(r: MetadataWriter): Promise<void> {
  const token = sampleOneTimeToken({ id: '1', userId: '1' });
  await r.oneTimeTokens.insert(token);
  await r.oneTimeTokens.lock(token.kind, token.hash);
  await r.oneTimeTokens.open(token.kind, 1, 10);
  await r.oneTimeTokens.countTry('1');
  await r.oneTimeTokens.use('1', 1);
  await r.oneTimeTokens.removeOfUser('1', 'reset');
  await r.oneTimeTokens.remove('invite', '1');
  await r.oneTimeTokens.removeOfUser('1');
  await r.oneTimeTokens.removeExpired(1, 10);
  await r.secondFactors.begin('1', 's', 1);
  await r.secondFactors.totp('1');
  await r.secondFactors.confirm('1', 1);
  await r.secondFactors.takeStep('1', 1);
  await r.secondFactors.putRecoveryCodes('1', ['a']);
  await r.secondFactors.useRecoveryCode('1', 'a', 1);
  await r.secondFactors.recoveryCodesLeft('1');
  await r.secondFactors.removeOfUser('1');
  await r.attempts.take('k', 1, 1, 1);
  await r.attempts.giveBack('k');
  await r.attempts.clear('k');
  await r.attempts.removeExpired(1, 10);
}

/** A user with a session, among many. */
export async function fillAccounts(r: MetadataWriter, i: number): Promise<void> {
  const role = i % 400 === 0 ? 'admin' : 'member';
  const user = sampleUser({ groupId: String((i % 50) + 1), role });
  await r.users.insert(user, undefined);
  const session = sampleSession({ userId: user.id, expiresAt: NOW + i });
  await r.sessions.insert(session);
  await r.sessions.insertToken(sampleRefreshToken({ sessionId: session.id, expiresAt: NOW + i }));
  const kind = (['invite', 'reset', 'email', 'challenge'] as const)[i % 4] ?? 'invite';
  await r.oneTimeTokens.insert(sampleOneTimeToken({ kind, userId: user.id, expiresAt: NOW + i }));
  await r.secondFactors.begin(user.id, 's', NOW);
  await r.secondFactors.putRecoveryCodes(user.id, ['a', 'b']);
  await r.attempts.take(`pair/${newId()}`, 10, 1000 + i, NOW);
}
