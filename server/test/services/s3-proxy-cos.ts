import type { S3ProxyRules } from './s3-proxy-rules.ts';

function reversed(tag: string): string {
  return [...tag].reverse().join('');
}

/** What Tencent COS is documented to refuse and to answer otherwise, as far as a store behind a proxy can show it. */
export const cosRules: S3ProxyRules = {
  host: 'cos.ap-test.localhost',
  pathStyle: { status: 403, code: 'PathStyleDomainForbidden' },
  minPartBytes: 1024 * 1024,
  createOnly: 'x-cos-forbid-overwrite',
  listsV2: false,
  disguise: (tag) => `cos${reversed(tag)}`,
  reveal: (tag) => reversed(tag.slice(3)),
  refusesFraming: true,
};
