import type { Config } from './config.ts';
import { rootSchema, type SchemaNode } from './settings.ts';

export const MASK = '********';
/** Settings of store types are not in the schema; their names tell which are secret. */
const SECRET_NAME = /secret|pass|token|credential|signature|key$/i;
const SECRET_PARAMETER = /(pass|secret|token|signature|credential|key)/i;

/** A copy that may be shown: every secret of the schema, and every password or secret parameter inside a URL, is replaced. */
export function masked(config: Config): Record<string, unknown> {
  return maskNode(config, rootSchema) as Record<string, unknown>;
}

function maskNode(value: unknown, schema: SchemaNode | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => maskNode(item, schema?.items));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, maskChild(key, child, schema)]),
    );
  }
  if (schema?.secret === true && value !== undefined) return MASK;
  return typeof value === 'string' ? maskUrl(value) : value;
}

function maskChild(key: string, child: unknown, schema: SchemaNode | undefined): unknown {
  const known = schema?.properties?.[key];
  return known === undefined && SECRET_NAME.test(key) ? MASK : maskNode(child, known);
}

function maskUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) return text;
  if (!URL.canParse(text)) return maskList(text);
  const url = new URL(text);
  const secrets = [...url.searchParams.keys()].filter((name) => SECRET_PARAMETER.test(name));
  if (url.password === '' && secrets.length === 0) return text;
  if (url.password !== '') url.password = MASK;
  for (const name of secrets) url.searchParams.set(name, MASK);
  return url.href;
}

/** An address with several hosts, which URL does not take. */
function maskList(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#:@]*:)[^/?#]*@/i, `$1${MASK}@`)
    .replace(/([?&][^=&]*(?:pass|secret|token|signature|credential|key)[^=&]*=)[^&]*/gi, `$1${MASK}`);
}
