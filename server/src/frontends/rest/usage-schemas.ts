import { type Static, Type } from 'typebox';
import type { UsageTotal } from '#core/model/usage.ts';
import { dayText } from '#core/usage/usage-days.ts';

const COUNT = { minimum: 0 };

const UsageTotalBody = Type.Object({
  day: Type.Optional(Type.String({ description: 'In UTC, such as 2026-03-01.' })),
  owner: Type.Optional(Type.String({ description: 'Whose files.' })),
  key: Type.Optional(
    Type.String({ description: 'Id of the service key, or `link` for what went through signed links.' }),
  ),
  store: Type.Optional(Type.String()),
  uploads: Type.Integer(COUNT),
  uploadedBytes: Type.Integer(COUNT),
  downloads: Type.Integer(COUNT),
  downloadedBytes: Type.Integer(COUNT),
  failures: Type.Integer({ ...COUNT, description: 'Of both, those that broke off or were refused.' }),
  durationMs: Type.Integer({ ...COUNT, description: 'Milliseconds that all of them took together.' }),
});

export const UsageBody = Type.Object(
  {
    from: Type.String(),
    to: Type.String(),
    totals: Type.Array(UsageTotalBody, { description: 'What nothing was counted for is left out.' }),
  },
  { $id: 'Usage' },
);

export const USAGE_SCHEMAS = [UsageBody];

export function usageBody(
  { from, to }: { readonly from: number; readonly to: number },
  totals: readonly UsageTotal[],
): Static<typeof UsageBody> {
  return {
    from: dayText(from),
    to: dayText(to),
    totals: totals.map(({ day, ...total }) => ({
      ...total,
      ...(day === undefined ? {} : { day: dayText(day) }),
    })),
  };
}
