import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import type { MediaSource } from '#core/ports/media-tools.ts';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import * as images from '#test/core/hostile-images.ts';
import { type MediaToolsOptions, ProcessMediaTools } from './process-media-tools.ts';

const MEBIBYTE = 1 << 20;
const OPTIONS: MediaToolsOptions = {
  ...{ maxImageBytes: 64 * MEBIBYTE, maxMediaBytes: 4 * MEBIBYTE, maxPixels: 50_000_000 },
  ...{ memoryBytes: 256 * MEBIBYTE, timeMs: 20_000, telemetry: silentTelemetry },
};
const { signal } = new AbortController();

let tools: ProcessMediaTools;
const open = (more: Partial<MediaToolsOptions> = {}) => {
  tools = new ProcessMediaTools({ ...OPTIONS, ...more });
};
afterEach(() => tools.close());

function sourceOf(bytes: Uint8Array, contentType = 'image/jpeg'): MediaSource & { reads: number } {
  const source = {
    size: bytes.length,
    contentType,
    reads: 0,
    read: async (offset: number, length: number) => {
      source.reads += length;
      return bytes.subarray(offset, offset + length);
    },
  };
  return source;
}
const examine = (bytes: Uint8Array, contentType?: string) =>
  tools.examine(sourceOf(bytes, contentType), signal);
const picture = (bytes: Uint8Array, box = 64, format: 'webp' | 'jpeg' = 'webp') =>
  tools.picture(sourceOf(bytes), { box, format }, signal);

describe('images', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)(
    '%s: its size and a smaller one of it',
    async (format) => {
      open();
      const image = await sharp(await images.jpegOf(400, 300))
        .toFormat(format)
        .toBuffer();
      expect(await examine(image)).toEqual({
        facts: { format, width: 400, height: 300, durationMs: undefined },
      });
      for (const wanted of ['webp', 'jpeg'] as const) {
        const { thumbnail } = (await picture(image, 64, wanted)) as {
          thumbnail: { bytes: Uint8Array; width: number; height: number };
        };
        expect(await sharp(thumbnail.bytes).metadata()).toMatchObject({
          format: wanted,
          width: 64,
          height: 48,
        });
        expect([thumbnail.width, thumbnail.height]).toEqual([64, 48]);
      }
    },
  );

  it('is turned as EXIF says, loses what it tells about people, becomes RGB, and is never enlarged', async () => {
    open();
    expect((await examine(await images.turned())).facts).toMatchObject({ width: 300, height: 400 });
    const { thumbnail } = (await picture(await images.turned(), 100)) as never as {
      thumbnail: { bytes: Uint8Array };
    };
    expect(await sharp(thumbnail.bytes).metadata()).toMatchObject({ width: 75, height: 100 });
    const told = (await picture(await images.telling(), 1024)) as never as {
      thumbnail: { bytes: Uint8Array };
    };
    const meta = await sharp(told.thumbnail.bytes).metadata();
    expect([meta.exif, meta.xmp, meta.width]).toEqual([undefined, undefined, 400]);
    const print = (await picture(await images.cmyk(), 64, 'jpeg')) as never as {
      thumbnail: { bytes: Uint8Array };
    };
    expect(await sharp(print.thumbnail.bytes).metadata()).toMatchObject({ space: 'srgb', channels: 3 });
  });

  it('of an animation the first picture is looked at, however many there are', async () => {
    open();
    const image = await images.animated(300);
    expect((await examine(image)).facts).toMatchObject({ width: 50, height: 40 });
    const { thumbnail } = (await picture(image)) as never as { thumbnail: { bytes: Uint8Array } };
    expect((await sharp(thumbnail.bytes).metadata()).pages ?? 1).toBe(1);
  });
});

const ATTACKS: readonly [string, () => Buffer | Promise<Buffer>, string][] = [
  ['a decompression bomb', images.bomb, 'too-many-pixels'],
  ['one pixel that claims 60000 × 60000', images.liar, 'too-many-pixels'],
  ['a GIF that claims 60000 × 60000', images.lyingGif, 'too-many-pixels'],
  ['half a JPEG', () => images.truncated('jpeg'), 'damaged'],
  ['half a PNG', () => images.truncated('png'), 'damaged'],
  ['half a WebP', () => images.truncated('webp'), 'damaged'],
  ['half a GIF', () => images.truncated('gif'), 'damaged'],
  ['an SVG with a script', () => images.svg, 'unsupported'],
  ['a PDF', () => images.pdf, 'unsupported'],
  ['a GIF that is a script', () => images.gifScript, 'disguised'],
  ['a JPEG that is a page', images.jpegPage, 'disguised'],
  ['a profile of 12 MiB', () => images.hugeProfile(12 * MEBIBYTE), 'too-large'],
  ['nothing', () => Buffer.alloc(0), 'unsupported'],
  [
    'noise behind a signature',
    () => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(9000, 0xa5)]),
    'damaged',
  ],
];

describe('attacks', () => {
  it.each(ATTACKS)('%s is refused, and this process does not notice', async (_name, make, reason) => {
    open();
    const image = await make();
    const before = process.memoryUsage.rss();
    const found = await examine(image);
    expect(found.refusal).toMatchObject({ reason, message: expect.stringMatching(/\.$|broken/) });
    expect(await picture(image)).toEqual(found);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MEBIBYTE);
    expect((await examine(await images.jpegOf())).facts).toMatchObject({ width: 400 });
  });

  it('what passes the count of pixels and takes too much memory is refused, by the system or by its own look', async () => {
    open({ maxPixels: 2 ** 40, memoryBytes: 64 * MEBIBYTE });
    const image = await sharp({ create: { width: 9000, height: 9000, channels: 4, background: '#11223344' } })
      .webp({ effort: 0, lossless: true })
      .toBuffer();
    const before = process.memoryUsage.rss();
    const found = await tools.picture(sourceOf(image), { box: 8000, format: 'webp' }, signal);
    expect(found.refusal?.reason).toMatch(/^(memory|damaged)$/);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MEBIBYTE);
    expect((await examine(await images.jpegOf())).facts).toBeDefined();
  });

  it('a profile that unfolds is no way round the limits', async () => {
    open();
    const found = await examine(images.profileBomb());
    if (found.facts !== undefined) expect(found.facts).toMatchObject({ width: 1, height: 1 });
    else expect(found.refusal.reason).toMatch(/^(memory|damaged|too-large)$/);
  });

  it('an image of more bytes than it may have is not read', async () => {
    open({ maxImageBytes: 1000 });
    const source = sourceOf(await images.jpegOf());
    expect((await tools.examine(source, signal)).refusal?.reason).toBe('too-large');
    expect(source.reads).toBeLessThan(5000);
  });

  it('what takes too long is ended; waiting for a slow store does not count', async () => {
    open({ timeMs: 1 });
    expect((await examine(await images.jpegOf(2000, 2000))).refusal?.reason).toBe('time');
    await tools.close();
    open({ timeMs: 4000 });
    const image = await images.jpegOf();
    const slow: MediaSource = {
      ...{ size: image.length, contentType: 'image/jpeg' },
      read: async (offset, length) => {
        await new Promise((resolve) => setTimeout(resolve, 2500));
        return image.subarray(offset, offset + length);
      },
    };
    expect((await tools.examine(slow, signal)).facts).toBeDefined();
  }, 30_000);

  it('its death is a refusal, and the next one has a new process', async () => {
    open();
    await examine(await images.jpegOf());
    const first = tools.pid;
    const gate = Promise.withResolvers<Uint8Array>();
    const held: MediaSource = { size: 9, contentType: 'image/jpeg', read: () => gate.promise };
    const looking = tools.examine(held, signal);
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(first ?? 0, 'SIGSEGV');
    expect((await looking).refusal?.reason).toBe('crashed');
    gate.resolve(new Uint8Array(9));
    expect((await examine(await images.jpegOf())).facts).toBeDefined();
    expect(tools.pid).not.toBe(first);
  });

  it('has neither the environment of the service nor a way to write', async () => {
    process.env.OSPROXY_TEST_SECRET_OF_PARENT = 'secret';
    open();
    await examine(await images.jpegOf());
    const environment = await readFile(`/proc/${tools.pid}/environ`, 'utf8');
    expect(environment).not.toContain('secret');
    const limits = await readFile(`/proc/${tools.pid}/limits`, 'utf8');
    expect(limits).toMatch(/Max data size +\d+ +\d+ +bytes/);
    expect(await readFile(`/proc/${tools.pid}/cmdline`, 'utf8')).toContain('--permission');
    delete process.env.OSPROXY_TEST_SECRET_OF_PARENT;
  });
});

describe('what the source does', () => {
  it('is what the call rejects with, and the next call works', async () => {
    open();
    const away: MediaSource = {
      ...{ size: 100, contentType: 'image/jpeg' },
      read: async () => {
        throw new OsproxyError('Unavailable', 'The store is away.');
      },
    };
    await expect(tools.examine(away, signal)).rejects.toMatchObject({ code: 'Unavailable' });
    const stop = new AbortController();
    const never: MediaSource = { size: 9, contentType: 'image/jpeg', read: () => new Promise(() => {}) };
    const looking = tools.examine(never, stop.signal);
    setTimeout(() => stop.abort(), 200);
    await expect(looking).rejects.toMatchObject({ code: 'Cancelled' });
    expect((await examine(await images.jpegOf())).facts).toBeDefined();
  });

  it('twenty at once take their turns', async () => {
    open();
    const image = await images.jpegOf();
    const found = await Promise.all(Array.from({ length: 20 }, () => examine(image)));
    expect(found.every(({ facts }) => facts?.width === 400)).toBe(true);
  });
});

describe('films and sounds', () => {
  it('a WAV: how long it is, from its first bytes', async () => {
    open();
    const seconds = 600;
    const head = Buffer.alloc(44);
    head.write('RIFF', 0);
    head.writeUInt32LE(36 + seconds * 16_000, 4);
    head.write('WAVEfmt ', 8);
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(1, 20);
    head.writeUInt16LE(1, 22);
    head.writeUInt32LE(8000, 24);
    head.writeUInt32LE(16_000, 28);
    head.writeUInt16LE(2, 32);
    head.writeUInt16LE(16, 34);
    head.write('data', 36);
    head.writeUInt32LE(seconds * 16_000, 40);
    const source = sourceOf(Buffer.concat([head, Buffer.alloc(seconds * 16_000)]), 'audio/wav');
    expect((await tools.examine(source, signal)).facts).toMatchObject({
      durationMs: 600_000,
      width: undefined,
    });
    expect(source.reads).toBeLessThan(MEBIBYTE);
  });

  it('an MP4 whose header comes last is read by ranges', async () => {
    open();
    const source = sourceOf(
      images.film({ seconds: 12, width: 640, height: 360, bytes: 20 * MEBIBYTE }),
      'video/mp4',
    );
    expect((await tools.examine(source, signal)).facts).toMatchObject({
      width: 640,
      height: 360,
      durationMs: 12_000,
    });
    expect(source.reads).toBeLessThan(MEBIBYTE);
  });

  it.each([
    ['noise', Buffer.alloc(300_000, 0x5a)],
    ['half a header', images.film({ seconds: 1, width: 9, height: 9, bytes: 100 }).subarray(0, 140)],
  ])('%s is refused', async (_name, bytes) => {
    open();
    expect((await examine(bytes, 'video/mp4')).refusal).toBeDefined();
    expect((await examine(await images.jpegOf())).facts).toBeDefined();
  });
});
