import { type Static, Type } from 'typebox';
import type { ScrubReport } from '#core/scrub/scrub-board.ts';

const time = (description: string) => Type.String({ format: 'date-time', description });

export const ScrubBody = Type.Object(
  {
    isOn: Type.Boolean({ description: 'False where nothing is read again.' }),
    stores: Type.Array(
      Type.Object({
        store: Type.String(),
        node: Type.Optional(Type.String({ description: 'Of a store that only this node sees.' })),
        round: Type.Integer(),
        startedAt: time('When this round began. UTC.'),
        endedAt: Type.Optional(time('Absent while it goes on. UTC.')),
        objects: Type.Integer({ description: 'Looked at in this round.' }),
        bytes: Type.Integer({ description: 'Bytes of these.' }),
        repaired: Type.Integer({ description: 'Replaced from another copy.' }),
        damaged: Type.Integer({ description: 'Wrong and not replaced.' }),
        skipped: Type.Integer({ description: 'Not given by a store that answers otherwise.' }),
        trouble: Type.Optional(Type.String({ description: 'Why the store cannot be looked at now.' })),
      }),
    ),
    findings: Type.Array(
      Type.Object({
        id: Type.String({ description: 'Id of the object.' }),
        store: Type.String(),
        node: Type.Optional(Type.String()),
        kind: Type.Enum(['missing', 'damaged', 'unreadable']),
        lost: Type.Boolean({ description: 'True when there is no good copy anywhere.' }),
        reason: Type.String(),
        foundAt: time('UTC.'),
        files: Type.Array(Type.String(), { description: 'Files that need it, at most a hundred.' }),
      }),
      { description: 'What is wrong and not mended, at most a hundred.' },
    ),
  },
  { $id: 'Scrub', description: 'What reading stored content again has found.' },
);
export type ScrubBody = Static<typeof ScrubBody>;

export const SCRUB_SCHEMAS = [ScrubBody];

export function scrubBody({ isOn, stores, findings }: ScrubReport): ScrubBody {
  return {
    isOn,
    stores: stores.map((one) => ({
      store: one.store,
      ...(one.node === undefined ? {} : { node: one.node }),
      round: one.round,
      startedAt: iso(one.startedAt),
      ...(one.endedAt === undefined ? {} : { endedAt: iso(one.endedAt) }),
      objects: one.blobs,
      bytes: one.bytes,
      repaired: one.repaired,
      damaged: one.damaged,
      skipped: one.skipped,
      ...(one.trouble === undefined ? {} : { trouble: one.trouble }),
    })),
    findings: findings.map(({ blobId, store, node, kind, lost, reason, foundAt, files }) => ({
      ...{ id: blobId, store, ...(node === undefined ? {} : { node }) },
      ...{ kind, lost, reason, foundAt: iso(foundAt), files: [...files] },
    })),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
