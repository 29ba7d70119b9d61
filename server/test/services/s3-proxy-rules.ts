import type { IncomingHttpHeaders } from 'node:http';

/** One request as the rules see it. */
export interface ProxiedRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
}

/** What a service is documented to do otherwise than the store behind the proxy. */
export interface S3ProxyRules {
  /** Requests come to this host, with the bucket before it; undefined: to any host, with the bucket in the path. */
  readonly host: string | undefined;
  readonly pathStyle: Refusal | undefined;
  /** Smallest part but the last, in bytes; checked at complete. */
  readonly minPartBytes: number;
  /** The header that asks for create-only; those of others are refused. */
  readonly createOnly: string;
  /** False where a listing of version 2 is answered as one of version 1. */
  readonly listsV2: boolean;
  /** The service's own form of a tag, and back. */
  readonly disguise: (tag: string) => string;
  readonly reveal: (tag: string) => string;
  /** Bytes of a content that are sent in chunks of their own framing. */
  readonly refusesFraming: boolean;
}

const CREATE_ONLY = ['if-none-match', 'x-oss-forbid-overwrite', 'x-cos-forbid-overwrite'];

/** Everything as the store behind it does. */
export const plainRules: S3ProxyRules = {
  host: undefined,
  pathStyle: undefined,
  minPartBytes: 0,
  createOnly: 'if-none-match',
  listsV2: true,
  disguise: (tag) => tag,
  reveal: (tag) => tag,
  refusesFraming: false,
};

/** Why the service would refuse the request before doing anything; undefined: it would not. */
export function refusalOf(request: ProxiedRequest, rules: S3ProxyRules): Refusal | undefined {
  const { headers, method } = request;
  if (rules.refusesFraming && isFramed(headers)) return { status: 501, code: 'NotImplemented' };
  if (rules.refusesFraming && method === 'POST' && request.query.has('delete')) {
    if (headers['content-md5'] === undefined) return { status: 400, code: 'MissingArgument' };
  }
  const wrong = CREATE_ONLY.some((name) => name !== rules.createOnly && headers[name] !== undefined);
  return method !== 'GET' && wrong ? { status: 501, code: 'NotImplemented' } : undefined;
}

/** aws-chunked in any form, or a checksum that follows the body. */
function isFramed(headers: IncomingHttpHeaders): boolean {
  return (
    String(headers['x-amz-content-sha256']).startsWith('STREAMING-') ||
    String(headers['content-encoding'] ?? '').includes('aws-chunked') ||
    headers['x-amz-trailer'] !== undefined ||
    headers['x-amz-decoded-content-length'] !== undefined ||
    headers['transfer-encoding'] !== undefined
  );
}
