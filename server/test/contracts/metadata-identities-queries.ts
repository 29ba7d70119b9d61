import type { Identity, PendingSignIn, SignInCode } from '#core/model/identity.ts';
import type { MetadataWriter } from '#core/ports/metadata.ts';
import { NOW, newId, sha256Of } from './metadata-samples.ts';

export function sampleIdentity(values: Partial<Identity> = {}): Identity {
  return {
    ...{ id: newId(), userId: newId(), provider: 'github', issuer: 'https://github.com', subject: newId() },
    ...{ email: 'mona@example.com', name: 'Mona Lisa', linkedAt: NOW, lastUsedAt: undefined },
    ...values,
  };
}

export function samplePending(values: Partial<PendingSignIn> = {}): PendingSignIn {
  return {
    ...{ hash: sha256Of(newId()), provider: 'github', browser: sha256Of('b'), verifier: 'v'.repeat(43) },
    ...{ nonce: 'n'.repeat(43), redirectUri: 'https://files.example/callback', returnTo: '/a?b=c' },
    ...{ challenge: undefined, linking: undefined, expiresAt: NOW + 600_000 },
    ...values,
  };
}

export function sampleCode(values: Partial<SignInCode> = {}): SignInCode {
  return {
    ...{ hash: sha256Of(newId()), userId: newId(), provider: 'github', challenge: 'c'.repeat(43) },
    ...{ expiresAt: NOW + 60_000 },
    ...values,
  };
}

/** Every query about identities, with values that find something where that matters. */
export async function callIdentities(r: MetadataWriter): Promise<void> {
  const identity = sampleIdentity({ id: '1', userId: '1' });
  const [pending, code] = [samplePending(), sampleCode()];
  await r.identities.insert(identity);
  await r.identities.find(identity.provider, identity.issuer, identity.subject);
  await r.identities.ofUser('1');
  await r.identities.used('1', 2, identity);
  await r.identities.remove('1', '1');
  await r.identities.removeOfUser('1');
  await r.identities.insertPending(pending);
  await r.identities.pendingSignIn(pending.hash);
  await r.identities.takePending(pending.hash);
  await r.identities.insertCode(code);
  await r.identities.takeCode(code.hash);
  await r.identities.insertPending(samplePending({ expiresAt: 1 }));
  await r.identities.insertCode(sampleCode({ expiresAt: 1 }));
  await r.identities.removeExpired(1, 10);
}

/** An identity, a sign-in and a code among many. */
export async function fillIdentities(r: MetadataWriter, i: number): Promise<void> {
  await r.identities.insert(sampleIdentity({ userId: String(1 + (i % 200)) }));
  await r.identities.insertPending(samplePending({ expiresAt: NOW + i }));
  await r.identities.insertCode(sampleCode({ expiresAt: NOW + i }));
}
