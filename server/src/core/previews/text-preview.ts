import type { Downloads } from '../downloads.ts';
import { OsproxyError } from '../errors.ts';
import type { FileContent } from '../model/file.ts';
import { type Charset, decodeText } from './decode-text.ts';

export interface TextPreview {
  readonly text: string;
  /** What the content is written in; the preview itself is text. */
  readonly charset: Charset;
  /** There is more than was read. */
  readonly truncated: boolean;
}

/** The beginning of files as text, whatever they are written in. */
export class TextPreviews {
  readonly #downloads: Pick<Downloads, 'read'>;
  readonly #maxBytes: number;

  constructor(options: { downloads: Pick<Downloads, 'read'>; maxBytes: number }) {
    this.#downloads = options.downloads;
    this.#maxBytes = options.maxBytes;
  }

  /** Throws Unsupported for what is no text. */
  async of(content: FileContent, charset: Charset | undefined, signal: AbortSignal): Promise<TextPreview> {
    const { size, uid: _uid, contentType } = content.file;
    const length = Math.min(size, this.#maxBytes);
    if (length === 0) return { text: '', charset: charset ?? 'utf-8', truncated: false };
    const decoded = mayBeText(contentType)
      ? decodeText(await this.#read(content, length, signal), length === size, charset)
      : undefined;
    if (decoded === undefined) {
      throw new OsproxyError('Unsupported', 'This file is no text that could be shown.');
    }
    return { ...decoded, truncated: length < size };
  }

  async #read(content: FileContent, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const body = await this.#downloads.read(content, { offset: 0, length }, signal);
    try {
      const bytes = new Uint8Array(length);
      let at = 0;
      for await (const chunk of body.chunks) {
        bytes.set(chunk, at);
        at += chunk.byteLength;
      }
      return bytes.subarray(0, at);
    } finally {
      await body.close();
    }
  }
}

/** What is known to be something else is not looked at; the bytes decide about the rest. */
export function mayBeText(contentType: string): boolean {
  const essence = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (essence === 'image/svg+xml' || essence === 'application/octet-stream') return true;
  return (
    essence.startsWith('text/') ||
    /^application\/(.*\+)?(json|xml|javascript|yaml|toml|sql|x-sh|x-httpd-php|rtf|x-ndjson|graphql|typescript|ecmascript|x-yaml)$/.test(
      essence,
    )
  );
}
