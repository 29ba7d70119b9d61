import type { ProxiedRequest, Refusal } from './s3-proxy-rules.ts';

/** How large the parts of unfinished uploads are: the store behind the proxy does not check it, so the proxy does. */
export class PartSizes {
  readonly #uploads = new Map<string, Map<number, number>>();

  async note(
    request: ProxiedRequest,
    sizeOf: (bucket: string, key: string) => Promise<number>,
  ): Promise<void> {
    const id = request.query.get('uploadId') ?? '';
    const sizes = this.#uploads.get(id) ?? new Map<number, number>();
    this.#uploads.set(id, sizes);
    sizes.set(Number(request.query.get('partNumber')), await bytesOf(request, sizeOf));
  }

  /** Every part but the last must have the smallest size or more. */
  check(request: ProxiedRequest, xml: string, minBytes: number): Refusal | undefined {
    const sizes = this.#uploads.get(request.query.get('uploadId') ?? '');
    const numbers = [...xml.matchAll(/<PartNumber>(\d+)</g)].map(([, digits]) => Number(digits));
    const small = numbers.slice(0, -1).some((number) => (sizes?.get(number) ?? 0) < minBytes);
    return small ? { status: 400, code: 'EntityTooSmall' } : undefined;
  }
}

async function bytesOf(
  request: ProxiedRequest,
  sizeOf: (bucket: string, key: string) => Promise<number>,
): Promise<number> {
  const source = request.headers['x-amz-copy-source'];
  if (typeof source !== 'string') return Number(request.headers['content-length'] ?? 0);
  const range = /^bytes=(\d+)-(\d+)$/.exec(String(request.headers['x-amz-copy-source-range'] ?? ''));
  if (range !== null) return Number(range[2]) - Number(range[1]) + 1;
  const [bucket = '', ...key] = decodeURIComponent(source).replace(/^\//, '').split('/');
  return sizeOf(bucket, key.join('/'));
}
