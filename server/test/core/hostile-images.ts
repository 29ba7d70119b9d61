import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

/** Images as strangers send them, made when they are needed. */

function chunk(type: string, data: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(data.length);
  head.write(type, 4, 'latin1');
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), data])));
  return Buffer.concat([head, data, sum]);
}

function png(width: number, height: number, pixels: Buffer, ...more: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const parts = [chunk('IHDR', header), ...more, chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

const rows = (width: number, height: number) => deflateSync(Buffer.alloc((width * 3 + 1) * height));
const photo = (width = 400, height = 300) =>
  sharp({
    create: {
      width,
      height,
      channels: 3,
      background: '#3060a0',
      noise: { type: 'gaussian', mean: 128, sigma: 30 },
    },
  });

/** A plain photograph of this size. */
export const jpegOf = (width = 400, height = 300): Promise<Buffer> => photo(width, height).jpeg().toBuffer();

/** Small in the store, 9 500 × 9 500 pixels in memory. */
export const bomb = (): Buffer => png(9500, 9500, rows(9500, 9500));
/** One pixel that says it is 60 000 × 60 000. */
export const liar = (): Buffer => png(60_000, 60_000, rows(1, 1));
/** The same for a GIF, whose header has room for 65 535. */
export function lyingGif(): Buffer {
  const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
  gif.writeUInt16LE(60_000, 6);
  gif.writeUInt16LE(60_000, 8);
  gif.writeUInt16LE(60_000, 32);
  gif.writeUInt16LE(60_000, 34);
  return gif;
}

export async function truncated(format: 'jpeg' | 'png' | 'webp' | 'gif'): Promise<Buffer> {
  const whole = await photo().toFormat(format).toBuffer();
  return whole.subarray(0, Math.floor(whole.length / 2));
}

export const svg = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
);
export const pdf = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF');

/** A GIF that is a script. */
export const gifScript = Buffer.concat([
  Buffer.from('GIF89a/*\0\0', 'latin1'),
  Buffer.from('\x80\0\0\0\0\0\xff\xff\xff', 'latin1'),
  Buffer.from('*/=1;alert(document.domain)//;', 'latin1'),
]);
/** A photograph that is a page, behind its last byte. */
export const jpegPage = async (): Promise<Buffer> =>
  Buffer.concat([await jpegOf(), Buffer.from('<HTML><body><ScRiPt>alert(1)</script>')]);

/** A photograph with so many bytes of a colour profile. */
export async function hugeProfile(bytes: number): Promise<Buffer> {
  const jpeg = await jpegOf();
  const pieces: Buffer[] = [];
  const each = 65_000;
  const count = Math.ceil(bytes / each);
  for (let number = 1; number <= count; number += 1) {
    const head = Buffer.from([0xff, 0xe2, 0, 0]);
    head.writeUInt16BE(each + 16, 2);
    const name = Buffer.from('ICC_PROFILE\0\0\0', 'latin1');
    name[12] = number;
    name[13] = count;
    pieces.push(head, name, Buffer.alloc(each, 7));
  }
  return Buffer.concat([jpeg.subarray(0, 2), ...pieces, jpeg.subarray(2)]);
}

/** A PNG whose profile is a kilobyte that becomes a gigabyte. */
export function profileBomb(): Buffer {
  const profile = Buffer.concat([Buffer.from('x\0\0', 'latin1'), deflateSync(Buffer.alloc(200 << 20))]);
  return png(1, 1, rows(1, 1), chunk('iCCP', profile));
}

export const cmyk = (): Promise<Buffer> => photo().toColourspace('cmyk').jpeg().toBuffer();
/** 400 × 300 as stored, 300 × 400 as shown. */
export const turned = (): Promise<Buffer> => photo().withMetadata({ orientation: 6 }).jpeg().toBuffer();
/** With a place, a name and a comment that nobody else is to see. */
export const telling = (): Promise<Buffer> =>
  photo()
    .withExif({
      IFD0: { Copyright: 'secret-name' },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' },
    })
    .jpeg()
    .toBuffer();

export async function animated(frames: number): Promise<Buffer> {
  const each = await Promise.all(
    Array.from({ length: frames }, (_, i) =>
      sharp({ create: { width: 50, height: 40, channels: 3, background: { r: i % 256, g: 0, b: 0 } } })
        .png()
        .toBuffer(),
    ),
  );
  return sharp(each, { join: { animated: true } })
    .gif()
    .toBuffer();
}

function box(type: string, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

/** The boxes of an MP4 with one track of pictures, its header behind `bytes` of content. */
export function film(of: { seconds: number; width: number; height: number; bytes: number }): Buffer {
  const words = (...values: readonly number[]) => {
    const buffer = Buffer.alloc(values.length * 4);
    for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, index * 4);
    return buffer;
  };
  const duration = of.seconds * 1000;
  const mvhd = box('mvhd', words(0, 0, 0, 1000, duration, 0x10000), Buffer.alloc(72), words(2));
  const tkhd = box(
    'tkhd',
    words(7, 0, 0, 1, 0, duration),
    Buffer.alloc(52),
    words(of.width << 16, of.height << 16),
  );
  const mdhd = box('mdhd', words(0, 0, 0, 1000, duration, 0));
  const hdlr = box('hdlr', words(0, 0), Buffer.from('vide'), Buffer.alloc(13));
  const entry = Buffer.alloc(78);
  entry.writeUInt16BE(1, 6);
  entry.writeUInt16BE(of.width, 24);
  entry.writeUInt16BE(of.height, 26);
  const stsd = box('stsd', words(0, 1), box('avc1', entry));
  const tables = ['stts', 'stsc', 'stco'].map((name) => box(name, words(0, 0)));
  const stbl = box('stbl', stsd, ...tables, box('stsz', words(0, 0, 0)));
  const minf = box('minf', box('vmhd', words(1, 0, 0)), stbl);
  const moov = box('moov', mvhd, box('trak', tkhd, box('mdia', mdhd, hdlr, minf)));
  const ftyp = box('ftyp', Buffer.from('isom'), words(512), Buffer.from('isomavc1'));
  return Buffer.concat([ftyp, box('mdat', Buffer.alloc(of.bytes)), moov]);
}
