import { type Static, Type } from 'typebox';
import { SCOPES, type ServiceKey } from '#core/model/principal.ts';
import { given } from './presenters.ts';
import { ref } from './schemas.ts';

function time(description: string) {
  return Type.String({ format: 'date-time', description });
}

const keyFields = {
  id: Type.String(),
  name: Type.String({ description: 'What the key is for.' }),
  owner: Type.String({ description: 'Whose files it sees; everybody’s with the scope `admin`.' }),
  scopes: Type.Array(Type.Enum([...SCOPES])),
  state: Type.Enum(['active', 'expired', 'revoked']),
  store: Type.Optional(Type.String({ description: 'What it sends goes to this store.' })),
  namePrefix: Type.Optional(Type.String({ description: 'It sees and makes only names that begin so.' })),
  createdAt: time('UTC.'),
  expiresAt: Type.Optional(time('UTC.')),
  revokedAt: Type.Optional(time('UTC.')),
  lastUsedAt: Type.Optional(time('To the minute. UTC.')),
  lastUsedFrom: Type.Optional(Type.String({ description: 'Address that it was used from then.' })),
  rotatedAt: Type.Optional(time('When it got its present secret, where that is not its first. UTC.')),
  formerSecret: Type.Optional(
    Type.Object(
      {
        goodUntil: time('UTC.'),
        lastUsedAt: Type.Optional(time('Whoever uses it still has to be given the new one. UTC.')),
      },
      { description: 'The secret before the present one, while it is good.' },
    ),
  ),
};

export const KeyBody = Type.Object(keyFields, { $id: 'ServiceKey', description: 'A key for a program.' });

export const NewKeyBody = Type.Object(
  { ...keyFields, secret: Type.String({ description: 'Shown now and never again.' }) },
  { $id: 'NewServiceKey', description: 'A key with its secret.' },
);

export const KeyListBody = Type.Object(
  { keys: Type.Array(ref(KeyBody)) },
  { $id: 'ServiceKeyList', description: 'Every key, oldest first.' },
);

export const KEY_SCHEMAS = [KeyBody, NewKeyBody, KeyListBody];

export const KeyParams = Type.Object({
  id: Type.String({ pattern: '^[a-z0-9]{12}$', description: 'What stands between `osp_` and the next `_`.' }),
});

/** Nothing that was made of a secret. */
export function keyBody(key: ServiceKey, now: number): Static<typeof KeyBody> {
  const { id, name, owner, scopes, store, namePrefix, former, lastUsedFrom } = key;
  return {
    ...{ id, name, owner, scopes: [...scopes], state: stateOf(key, now) },
    ...given({ store, namePrefix, lastUsedFrom }),
    createdAt: iso(key.createdAt),
    ...times({
      ...{ expiresAt: key.expiresAt, revokedAt: key.revokedAt },
      ...{ lastUsedAt: key.lastUsedAt, rotatedAt: key.rotatedAt },
    }),
    ...(former === undefined || former.until <= now
      ? {}
      : { formerSecret: { goodUntil: iso(former.until), ...times({ lastUsedAt: former.lastUsedAt }) } }),
  };
}

function stateOf(key: ServiceKey, now: number): 'active' | 'expired' | 'revoked' {
  if (key.revokedAt !== undefined) return 'revoked';
  return key.expiresAt !== undefined && key.expiresAt <= now ? 'expired' : 'active';
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function times<K extends string>(
  values: Readonly<Record<K, number | undefined>>,
): Partial<Record<K, string>> {
  const found = Object.entries<number | undefined>(values).flatMap(([name, at]) =>
    at === undefined ? [] : [[name, iso(at)]],
  );
  return Object.fromEntries(found) as Partial<Record<K, string>>;
}
