import type { S3ProxyRules } from './s3-proxy-rules.ts';

/** What Alibaba OSS is documented to refuse and to answer otherwise, as far as a store behind a proxy can show it. */
export const ossRules: S3ProxyRules = {
  host: 's3.oss-test.localhost',
  pathStyle: { status: 403, code: 'SecondLevelDomainForbidden' },
  minPartBytes: 100 * 1024,
  createOnly: 'x-oss-forbid-overwrite',
  listsV2: true,
  disguise: (tag) => tag.toUpperCase(),
  reveal: (tag) => tag.toLowerCase(),
  refusesFraming: true,
};
