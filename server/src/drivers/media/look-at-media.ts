import { CouldNotDetermineFileTypeError, parseFromTokenizer, UnsupportedFileTypeError } from 'music-metadata';
import { type Job, type Looked, type ReadBytes, Refused } from './protocol.ts';
import { RangeTokenizer } from './range-tokenizer.ts';

/** A picture or a length beyond this is a lie. */
const MAX_SIDE = 100_000;
const MAX_MS = 100 * 365 * 24 * 3_600_000;

/** Reads the headers of a film or a sound, never its pictures or samples. */
export async function lookAtMedia(job: Job, read: ReadBytes): Promise<Looked> {
  const file = { size: job.size, mimeType: job.contentType };
  const tokenizer = new RangeTokenizer(file, read, job.limits.maxMediaBytes);
  const { format } = await parse(tokenizer);
  const shown = format.trackInfo.map(({ video }) => video).find((video) => video?.pixelWidth !== undefined);
  const longest = Math.max(0, ...format.trackInfo.map(({ duration }) => duration ?? 0));
  const durationMs = within((format.duration ?? longest) * 1000, MAX_MS);
  const [width, height] = [within(shown?.pixelWidth, MAX_SIDE), within(shown?.pixelHeight, MAX_SIDE)];
  if (durationMs === undefined && (width === undefined || height === undefined))
    throw new Refused('damaged', 'Neither how long it is nor how large is to be found in it.');
  const name = format.container ?? format.codec ?? job.contentType;
  return { facts: { format: name.toLowerCase().slice(0, 32), width, height, durationMs } };
}

async function parse(tokenizer: RangeTokenizer) {
  try {
    return await parseFromTokenizer(tokenizer, { duration: false, skipCovers: true });
  } catch (error) {
    if (error instanceof UnsupportedFileTypeError || error instanceof CouldNotDetermineFileTypeError)
      throw new Refused('unsupported', 'Films and sounds of this kind are not looked at.');
    throw error;
  }
}

function within(value: number | undefined, most: number): number | undefined {
  if (value === undefined || !Number.isFinite(value) || value <= 0 || value > most) return undefined;
  return Math.round(value);
}
