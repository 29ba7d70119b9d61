import { readFileSync } from 'node:fs';
import { isOsproxyError, OsproxyError } from '#core/errors.ts';
import { parseRabbitUrl, type RabbitAddress } from './address.ts';
import type { RabbitTls } from './session.ts';

/** How to reach a broker, as settings say it. */
export interface RabbitSettings {
  readonly url?: string | undefined;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** Where a broker is and with what to get in. Throws InvalidArgument with the end of a sentence that begins with the name of the setting. */
export function readRabbitSettings(settings: RabbitSettings): { address: RabbitAddress; tls: RabbitTls } {
  const { url, caFile, certFile, keyFile } = settings;
  if (url === undefined) throw new OsproxyError('InvalidArgument', 'url is missing');
  const address = named('url', () => parseRabbitUrl(url));
  if (!address.tls && (caFile ?? certFile ?? keyFile) !== undefined) {
    throw new OsproxyError('InvalidArgument', 'url is not encrypted; write amqps:// for the certificates');
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new OsproxyError('InvalidArgument', 'certFile and keyFile belong together; set both or none');
  }
  const tls = {
    ca: contentOf('caFile', caFile),
    cert: contentOf('certFile', certFile),
    key: contentOf('keyFile', keyFile),
  };
  return { address, tls };
}

function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isOsproxyError(cause, 'InvalidArgument')) throw cause;
    throw new OsproxyError('InvalidArgument', `${name} ${cause.message}`, { cause });
  }
}

function contentOf(name: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new OsproxyError('InvalidArgument', `${name} is "${path}", which cannot be read${code}`, { cause });
  }
}
