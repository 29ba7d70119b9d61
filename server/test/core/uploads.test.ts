import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOsproxyError } from '#core/errors.ts';
import type { Uid } from '#core/model/uid.ts';
import type { NewUpload } from '#core/uploads.ts';
import { chunksOf, HOUR_MS, md5, openRig, owner, type Rig, sha256, some } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

const [first, second] = [some(3000), some(2000)];
const whole = Buffer.concat([first, second]);
const create = (facts: Partial<NewUpload> = {}) =>
  rig.uploads.create({ owner: 'a', name: 'n.bin', ...facts });
const put = (uid: Uid, number: number, bytes: Uint8Array, expectation = {}) =>
  rig.uploads.writePart(uid, number, chunksOf(bytes), expectation);
const putWhole = (uid: Uid, bytes: Uint8Array, expectation = {}) =>
  rig.uploads.writeWhole(uid, chunksOf(bytes), expectation);
const idle = async () => {
  rig.clock.offset += 2 * HOUR_MS;
  await rig.purge();
};

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'fine';
  } catch (error) {
    return isOsproxyError(error) ? error.code : String(error);
  }
}

describe('Uploads', () => {
  it('every call in every state', async () => {
    const states = {
      absent: async () => '4711',
      empty: async () => (await create()).uid,
      begun: async () => {
        const { uid } = await create();
        await put(uid, 1, first);
        return uid;
      },
      completed: async () => {
        const { uid } = await create();
        await put(uid, 1, first);
        await rig.uploads.complete(uid);
        return uid;
      },
      aborted: async () => {
        const { uid } = await create();
        await put(uid, 1, first);
        await rig.uploads.abort(uid);
        return uid;
      },
      expired: async () => {
        const { uid } = await create();
        await put(uid, 1, first);
        rig.clock.offset += HOUR_MS + 1;
        return uid;
      },
      deleted: async () => {
        const uid = await states.completed();
        await rig.files.delete(owner, uid);
        return uid;
      },
    };
    const calls = {
      status: (uid: Uid) => rig.uploads.status(owner, uid),
      samePart: (uid: Uid) => put(uid, 1, first),
      otherPart: (uid: Uid) => put(uid, 1, second),
      sameWhole: (uid: Uid) => putWhole(uid, first),
      otherWhole: (uid: Uid) => putWhole(uid, second),
      complete: (uid: Uid) => rig.uploads.complete(uid),
      abort: (uid: Uid) => rig.uploads.abort(uid),
    };
    const found: Record<string, Record<string, string>> = {};
    for (const [state, make] of Object.entries(states)) {
      found[state] = {};
      for (const [name, call] of Object.entries(calls))
        found[state][name] = await outcome(call(await make()));
    }
    const row = (...codes: string[]) =>
      Object.fromEntries(Object.keys(calls).map((name, i) => [name, codes[i] ?? 'fine']));
    const missing = Array<string>(7).fill('NotFound');
    const over = Array<string>(5).fill('Expired');
    expect(found).toEqual({
      absent: row(...missing),
      empty: row('fine', 'fine', 'fine', 'fine', 'fine', 'InvalidArgument', 'fine'),
      begun: row(),
      completed: row('fine', 'fine', 'Conflict', 'fine', 'Conflict', 'fine', 'Conflict'),
      aborted: row('fine', ...over, 'fine'),
      expired: row('fine', ...over, 'fine'),
      deleted: row('fine', 'fine', 'Conflict', 'NotFound', 'NotFound', 'NotFound', 'Conflict'),
    });
  });

  it('gives one result to calls that come several times at once', async () => {
    const { uid } = await create();
    const parts = await Promise.all(Array.from({ length: 10 }, () => put(uid, 1, first)));
    expect(new Set(parts.map((part) => part.blobId)).size).toBe(1);
    await put(uid, 2, second);
    const files = await Promise.all(Array.from({ length: 10 }, () => rig.uploads.complete(uid)));
    expect(new Set(files.map((file) => file.manifestId)).size).toBe(1);
    expect((await rig.read(uid)).equals(whole)).toBe(true);
    expect(await rig.metadata.tasks.list({ type: 'compose' }, 10)).toHaveLength(1);
    await Promise.all([rig.uploads.abort((await create()).uid), rig.uploads.abort((await create()).uid)]);
  });

  it('never mixes contents when different bytes race for one part, complete and abort', async () => {
    for (let round = 0; round < 15; round += 1) {
      const { uid } = await create();
      const bodies = [some(100), some(100), some(100)];
      await put(uid, 1, bodies[0] ?? first);
      await Promise.allSettled([
        ...bodies.map((body) => put(uid, 1, body)),
        rig.uploads.complete(uid),
        round % 2 === 0 ? rig.uploads.abort(uid) : putWhole(uid, bodies[1] ?? first),
      ]);
      const { upload } = await rig.uploads.status(owner, uid);
      if (upload.state === 'completed') {
        const read = await rig.read(uid);
        expect(bodies.some((body) => body.equals(read))).toBe(true);
        expect((await rig.metadata.files.find(uid))?.sha256).toBe(sha256(read));
      } else expect(await rig.metadata.files.find(uid)).toBeUndefined();
    }
    const wanted = await rig.blobs();
    expect(await rig.keysIn()).toHaveLength(wanted.length);
  });

  it('keeps the bytes of a replaced part only for the grace time', async () => {
    const { uid } = await create({ notBefore: rig.clock.now() + 10 * HOUR_MS });
    await put(uid, 1, first);
    await put(uid, 1, second);
    expect(await rig.keysIn()).toHaveLength(2);
    await rig.purge();
    expect(await rig.keysIn()).toHaveLength(2);
    await idle();
    expect(await rig.keysIn()).toHaveLength(1);
    await rig.uploads.complete(uid);
    expect((await rig.read(uid)).equals(second)).toBe(true);
  });

  it.each(['whole', 'abort', 'expiry'])(
    'gives the parts to purge that are not needed any more: %s',
    async (how) => {
      const { uid } = await create();
      await put(uid, 1, first);
      await put(uid, 2, second);
      if (how === 'whole') await putWhole(uid, some(10));
      if (how === 'abort') await rig.uploads.abort(uid);
      if (how === 'expiry') {
        rig.clock.offset += HOUR_MS + 1;
        expect(await rig.runTask('expire-uploads', {})).toBe('done');
        expect((await rig.uploads.find(owner, uid)).state).toBe('aborted');
      }
      await idle();
      expect(await rig.keysIn()).toHaveLength(how === 'whole' ? 1 : 0);
      expect((await rig.fsck({ deep: true })).findings).toEqual([]);
    },
  );

  it('expires an upload that rests, but not one that goes on', async () => {
    const [resting, going] = [await create(), await create()];
    for (let i = 1; i <= 5; i += 1) {
      rig.clock.offset += HOUR_MS * 0.4;
      await put(going.uid, i, first);
    }
    expect(await rig.uploads.hasBegun(going.uid)).toBe(true);
    expect(await rig.uploads.hasBegun(resting.uid)).toBe(false);
    await rig.runTask('expire-uploads', {});
    expect((await rig.uploads.find(owner, going.uid)).state).toBe('open');
    expect((await rig.uploads.find(owner, resting.uid)).state).toBe('aborted');
  });

  it('refuses gaps and wrong facts at complete, keeps the parts, and completes when they are right', async () => {
    const { uid } = await create({ size: whole.length, md5: md5(whole) });
    await put(uid, 2, second);
    expect(await outcome(rig.uploads.complete(uid))).toBe('InvalidArgument');
    await put(uid, 1, second);
    expect(await outcome(rig.uploads.complete(uid))).toBe('InvalidArgument');
    await put(uid, 1, first);
    expect(await outcome(rig.uploads.complete(uid, { parts: 3 }))).toBe('InvalidArgument');
    expect(await outcome(rig.uploads.complete(uid, { md5: md5(first) }))).toBe('Conflict');
    const file = await rig.uploads.complete(uid, { parts: 2, size: whole.length });
    expect(file).toMatchObject({ state: 'ready', verified: false, size: whole.length, md5: md5(whole) });
    expect(await outcome(rig.uploads.complete(uid, { size: 1 }))).toBe('Conflict');
  });

  it('checks every fact declared, at creation as well as with the bytes', async () => {
    const wrong = { md5: md5(second), sha256: sha256(second), size: 1 };
    for (const [field, value] of Object.entries(wrong)) {
      expect(await outcome(putWhole((await create({ [field]: value })).uid, first))).toMatch(
        /Argument|Mismatch/,
      );
      expect(await outcome(putWhole((await create()).uid, first, { [field]: value }))).toMatch(
        /Argument|Mismatch/,
      );
      const right = { md5: md5(first), sha256: sha256(first), size: first.length };
      expect(await outcome(putWhole((await create({ [field]: value })).uid, first, right))).toBe('Conflict');
      expect(await outcome(put((await create()).uid, 1, first, { [field]: value }))).toMatch(
        /Argument|Mismatch/,
      );
    }
    expect(await rig.keysIn()).toEqual([]);
  });

  it('does not call a single part verified by a digest that nobody computed', async () => {
    await rig.close();
    rig = await openRig({ md5: 'declared' });
    const [right, wrong] = [await create({ md5: md5(first) }), await create({ md5: md5(second) })];
    for (const { uid } of [right, wrong]) {
      await put(uid, 1, first);
      expect((await rig.uploads.complete(uid)).verified).toBe(false);
      const [task] = await rig.metadata.tasks.list({ type: 'compose' }, 1);
      await rig.runTask('compose', task?.payload);
    }
    expect(await rig.metadata.files.find(right.uid)).toMatchObject({
      verified: true,
      state: 'ready',
      md5: md5(first),
    });
    expect(await rig.metadata.files.find(wrong.uid)).toMatchObject({ verified: false, state: 'rejected' });
  });

  it('makes an empty file of no parts where that was declared', async () => {
    const { uid } = await create({ size: 0 });
    const file = await rig.uploads.complete(uid);
    expect(file.size).toBe(0);
    expect((await rig.read(uid)).length).toBe(0);
    await rig.runTask('compose', { uid, manifestId: file.manifestId });
    expect(await rig.metadata.files.find(uid)).toMatchObject({
      verified: true,
      sha256: sha256(Buffer.alloc(0)),
    });
  });

  it('refuses part numbers outside 1 to 10 000 before it reads a byte', async () => {
    const { uid } = await create();
    const untouched = {
      [Symbol.asyncIterator]: () => {
        throw new Error('the input was touched');
      },
    };
    for (const number of [0, -1, 1.5, 10_001, Number.NaN]) {
      expect(await outcome(rig.uploads.writePart(uid, number, untouched, {}))).toBe('InvalidArgument');
    }
  });

  it('passes the configured number of attempts on to the task', async () => {
    const { uid } = await create();
    await put(uid, 1, first);
    await put(uid, 2, second);
    await rig.uploads.complete(uid);
    expect((await rig.metadata.tasks.list({}, 1))[0]).toMatchObject({
      type: 'compose',
      key: uid,
      maxAttempts: 3,
    });
  });

  it('advises parts that keep within 10 000, and refuses what is too large', async () => {
    expect((await create({ size: 1e9 })).partSize).toBe(8 << 20);
    expect(await outcome(create({ size: 1e9 + 1 }))).toBe('TooLarge');
    expect(await outcome(create({ size: -1 }))).toBe('InvalidArgument');
    expect(await outcome(create({ name: 'a\nb' }))).toBe('InvalidArgument');
  });

  it('creates many uploads or none', async () => {
    const many = await rig.uploads.createMany([1, 2, 3].map((i) => ({ owner: 'a', name: `n${i}` })));
    expect(new Set(many.map((upload) => upload.uid)).size).toBe(3);
    for (const { uid } of many) expect((await rig.uploads.find(owner, uid)).state).toBe('open');
  });

  it('stops and stores nothing when the client goes away in the middle', async () => {
    const { uid } = await create();
    const abort = new AbortController();
    const sender = async function* () {
      for (let i = 0; ; i += 1) {
        if (i === 20) abort.abort();
        yield some(50_000);
      }
    };
    expect(await outcome(rig.uploads.writePart(uid, 1, sender(), {}, abort.signal))).toBe('Cancelled');
    expect(await rig.keysIn()).toEqual([]);
    expect((await rig.uploads.status(owner, uid)).parts).toEqual([]);
  });
});
