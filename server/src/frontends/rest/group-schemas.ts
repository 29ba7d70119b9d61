import { type Static, Type } from 'typebox';
import type { Group } from '#core/model/group.ts';
import { given } from './presenters.ts';
import { ref } from './schemas.ts';

export const GroupBody = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    quotaBytes: Type.Optional(
      Type.Integer({
        description: 'Of each member without a quota of their own; without it, what the installation says.',
      }),
    ),
    store: Type.Optional(
      Type.String({
        description: 'Where uploads of members go; without it, what the rules of placement say.',
      }),
    ),
    createdAt: Type.String({ format: 'date-time', description: 'UTC.' }),
    updatedAt: Type.String({ format: 'date-time', description: 'UTC.' }),
  },
  { $id: 'Group', description: 'A group of people.' },
);

export const GroupListBody = Type.Object(
  { groups: Type.Array(ref(GroupBody)) },
  { $id: 'GroupList', description: 'Every group, by name.' },
);

export const GROUP_SCHEMAS = [GroupBody, GroupListBody];

export const groupFields = {
  name: Type.String({ minLength: 1, maxLength: 100, description: 'Unique, whatever the case.' }),
  quotaBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  store: Type.String({ minLength: 1, maxLength: 64, description: 'A configured store.' }),
};

export function groupBody(group: Group): Static<typeof GroupBody> {
  const { id, name, quotaBytes, store, createdAt, updatedAt } = group;
  return {
    ...{ id, name, ...given({ quotaBytes, store }) },
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}
