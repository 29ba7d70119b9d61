import sharp from 'sharp';
import type { MediaFacts } from '#core/model/media.ts';
import { refuseDisguise } from './image-kind.ts';
import { type Job, type Looked, type ReadBytes, Refused } from './protocol.ts';

const READ_BYTES = 4 << 20;
/** More than any camera writes. */
const MAX_EXTRA_BYTES = 4 << 20;
const QUALITY = 80;

sharp.cache(false);
sharp.concurrency(1);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadNsgifBuffer',
    'VipsForeignLoadHeifBuffer',
  ],
});

/** Decodes an image to its end, whether a smaller one is wished for or not: only then it is known to be whole. */
export async function lookAtImage(job: Job, kind: string, read: ReadBytes): Promise<Looked> {
  const { maxImageBytes } = job.limits;
  if (job.size > maxImageBytes)
    throw new Refused(
      'too-large',
      `The image has ${job.size} bytes; at most ${maxImageBytes} are looked at.`,
    );
  const image = Buffer.allocUnsafe(job.size);
  for (let at = 0; at < job.size; at += READ_BYTES)
    image.set(await read(at, Math.min(READ_BYTES, job.size - at)), at);
  refuseDisguise(image);
  const facts = await headerOf(image, kind, job.limits.maxPixels);
  const shown = opened(image).autoOrient();
  const { box, format } = job.wish ?? { box: 16, format: 'webp' as const };
  const small = shown
    .resize({ width: box, height: box, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb');
  const encoded =
    format === 'webp'
      ? small.webp({ quality: QUALITY })
      : small.flatten({ background: '#ffffff' }).jpeg({ quality: QUALITY });
  const { data, info } = await encoded.toBuffer({ resolveWithObject: true });
  if (job.wish === undefined) return { facts };
  return { facts, thumbnail: { bytes: data, width: info.width, height: info.height } };
}

function opened(image: Buffer) {
  return sharp(image, { failOn: 'error', limitInputPixels: false, sequentialRead: true, pages: 1 });
}

async function headerOf(image: Buffer, kind: string, maxPixels: number): Promise<MediaFacts> {
  const header = await opened(image).metadata();
  const { width, height, autoOrient } = header;
  const extra = [header.icc, header.exif, header.xmp, header.iptc].reduce(
    (sum, one) => sum + (one?.length ?? 0),
    0,
  );
  if (width * height > maxPixels)
    throw new Refused(
      'too-many-pixels',
      `The image claims ${width} × ${height} pixels; at most ${maxPixels} are looked at.`,
    );
  if (extra > MAX_EXTRA_BYTES)
    throw new Refused(
      'too-large',
      `The image carries ${extra} bytes that are no picture; at most ${MAX_EXTRA_BYTES} are looked at.`,
    );
  return { format: kind, width: autoOrient.width, height: autoOrient.height, durationMs: undefined };
}

export function imageVersions(): string {
  return `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;
}
