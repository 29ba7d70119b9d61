import { describe, expect, it } from 'vitest';
import type { MoveRecord } from '#core/model/move.ts';
import type { Metadata, MetadataWriter } from '#core/ports/metadata.ts';
import { claimNext } from '#core/tasks/claim.ts';
import type { Fixture } from './metadata-fixture.ts';
import {
  NOW,
  newId,
  sampleBlob,
  sampleManifest,
  samplePlacement,
  sampleTask,
  sampleUpload,
  write,
} from './metadata-samples.ts';

const ROUNDS = 15;

/** Pairs of transactions of two processes that meet on purpose; each must look as if one had come before the other. */
export function racesContract({ metadata, openAnother }: Fixture): void {
  /** Runs both at once in every round, each beginning first now and then. */
  async function race<A, B>(
    one: (repositories: MetadataWriter, round: number) => Promise<A>,
    two: (repositories: MetadataWriter, round: number) => Promise<B>,
    judge: (a: A, b: B, round: number) => Promise<void> | void,
  ): Promise<void> {
    const other = await openAnother();
    for (let round = 0; round < ROUNDS; round++) {
      const starts: (() => Promise<unknown>)[] = [
        () => write(metadata(), (r) => one(r, round)),
        () => write(other, (r) => two(r, round)),
      ];
      const [first, second] = round % 2 === 0 ? [0, 1] : [1, 0];
      const results: Promise<unknown>[] = [];
      for (const index of [first, second]) results[index] = starts[index]?.() ?? Promise.resolve();
      const [a, b] = await Promise.all(results);
      await judge(a as A, b as B, round);
    }
  }

  describe('races', () => {
    it('a blob is either claimed or condemned', async () => {
      const blobs = Array.from({ length: ROUNDS }, () => sampleBlob());
      await write(metadata(), async (r) => {
        for (const blob of blobs) await r.blobs.insert(blob, samplePlacement());
      });
      const idOf = (round: number) => blobs[round]?.id ?? '';
      for (let round = 0; round < ROUNDS; round++) {
        await write(metadata(), (r) => r.blobs.markIdle([idOf(round)], NOW + round));
      }
      await race(
        async (r, round) => {
          if (!(await r.blobs.claim(idOf(round)))) return false;
          const blob = blobs[round];
          if (blob !== undefined) await r.manifests.insert(sampleManifest([blob]));
          return true;
        },
        async (r, round) => (await r.blobs.condemnIdle(NOW + round, 100)).condemned.map(({ id }) => id),
        async (claimed, condemned, round) => {
          expect(condemned.includes(idOf(round))).toBe(!claimed);
          const live = await metadata().blobs.findLive(blobs[round]?.sha256 ?? '', 10);
          expect(live?.id).toBe(claimed ? idOf(round) : undefined);
        },
      );
    });

    it('a manifest is either claimed or removed', async () => {
      const manifests = Array.from({ length: ROUNDS }, () => sampleManifest([sampleBlob()]));
      const idOf = (round: number) => manifests[round]?.id ?? '';
      await write(metadata(), async (r) => {
        for (const manifest of manifests) await r.manifests.insert(manifest);
      });
      for (let round = 0; round < ROUNDS; round++) {
        await write(metadata(), (r) => r.manifests.markIdle(idOf(round), NOW + round));
      }
      await race(
        (r, round) => r.manifests.claim(idOf(round)),
        (r, round) => r.manifests.removeIdle(NOW + round, 100),
        async (claimed, _removed, round) => {
          expect((await metadata().manifests.find(idOf(round))) !== undefined).toBe(claimed);
        },
      );
    });

    it('an upload is either completed or aborted', async () => {
      const uploads = Array.from({ length: ROUNDS }, () => sampleUpload());
      const uidOf = (round: number) => uploads[round]?.uid ?? '';
      await write(metadata(), async (r) => {
        for (const upload of uploads) await r.uploads.insert(upload);
      });
      const ending =
        (how: 'complete' | 'abort') =>
        async (r: MetadataWriter, round: number): Promise<boolean> => {
          const upload = await r.uploads.lock(uidOf(round));
          if (upload?.state !== 'open') return false;
          await r.uploads[how](uidOf(round), NOW);
          return true;
        };
      await race(ending('complete'), ending('abort'), async (completed, aborted, round) => {
        expect(completed).toBe(!aborted);
        const state = (await metadata().uploads.find(uidOf(round)))?.state;
        expect(state).toBe(completed ? 'completed' : 'aborted');
      });
    });

    it('content that arrives twice at once becomes one blob', async () => {
      const contents = Array.from({ length: ROUNDS }, () => sampleBlob());
      const settle = async (r: MetadataWriter, round: number): Promise<string> => {
        const { sha256 = '', size = 0 } = contents[round] ?? {};
        const twin = await r.blobs.findLive(sha256, size);
        if (twin !== undefined && (await r.blobs.claim(twin.id))) return twin.id;
        const blob = sampleBlob({ sha256, size });
        await r.blobs.insert(blob, samplePlacement());
        return blob.id;
      };
      await race(settle, settle, (one, two) => expect(one).toBe(two));
    });

    it('a move is refused when another was made meanwhile', async () => {
      const make =
        (own: string) =>
        async (r: MetadataWriter, round: number): Promise<boolean> => {
          const from = `store-${round}`;
          if ((await r.moves.list(100)).some((other) => other.from === from)) return false;
          await r.moves.insert(sampleMove(from, own));
          return true;
        };
      await race(make('a'), make('b'), (one, two) => expect(one).toBe(!two));
    });

    it('a task goes to one node, and no node waits for another', async () => {
      const other = await openAnother();
      const ids = Array.from({ length: 40 }, () => newId());
      await write(metadata(), async (r) => {
        for (const id of ids) await r.tasks.enqueue(id, sampleTask(), NOW);
      });
      const claimOn = (where: Metadata, node: string) =>
        claimNext(where, ['compose'], { node, now: NOW, leaseMs: 1000 });
      const claims = await Promise.all(
        Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? claimOn(metadata(), 'a') : claimOn(other, 'b'))),
      );
      const claimed = claims.map((task) => task?.id).filter((id) => id !== undefined);
      expect(new Set(claimed).size).toBe(claimed.length);
      while ((await claimOn(other, 'b')) !== undefined) claimed.push('');
      expect(claimed).toHaveLength(40);
    });

    it('a lease has one holder', async () => {
      const take = (holder: string) => async (r: MetadataWriter, round: number) =>
        r.coordination.acquireLease(`lease-${round}`, holder, NOW, 1000);
      await race(take('a'), take('b'), (one, two) => expect(one === undefined).toBe(two !== undefined));
    });

    it('what was committed before a transaction was asked for is seen by it', async () => {
      const other = await openAnother();
      const busy = Array.from({ length: 60 }, () => write(other, (r) => r.uploads.insert(sampleUpload())));
      const followers = Array.from({ length: 60 }, async () => {
        const upload = sampleUpload();
        await write(metadata(), (r) => r.uploads.insert(upload));
        return write(other, (r) => r.uploads.lock(upload.uid));
      });
      for (const seen of await Promise.all(followers)) expect(seen?.state).toBe('open');
      await Promise.all(busy);
    });
  });
}

function sampleMove(from: string, to: string): MoveRecord {
  return {
    ...{ id: newId(), from, to, match: {}, bytesPerSecond: undefined, state: 'running', run: 1 },
    ...{ lastBlob: '0', afterBlob: undefined, total: undefined, done: { files: 0, blobs: 0, bytes: 0 } },
    ...{ failedBlobs: 0, createdAt: NOW, updatedAt: NOW, endedAt: undefined },
  };
}
