import sharp from 'sharp';

/** A PNG of one colour. */
export function image(width: number, height: number): Promise<Buffer> {
  const background = { r: 200, g: 30, b: 30 };
  return sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
}
