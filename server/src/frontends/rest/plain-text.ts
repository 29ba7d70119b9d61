import type { FastifyRequest } from 'fastify';
import { OsproxyError } from '#core/errors.ts';

interface Property {
  readonly type?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, Property>>;
}

const SHOWN_LENGTH = 40;

/** Refuses a query parameter that is given twice, and a number that is not plain decimal digits within its range. */
export async function requirePlainText(request: FastifyRequest): Promise<void> {
  const schema = request.routeOptions.schema as
    | { readonly params?: ObjectSchema; readonly querystring?: ObjectSchema }
    | undefined;
  const query = request.query as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(query)) {
    if (Array.isArray(query[name])) {
      throw invalid(
        name,
        `Query parameter "${shown(name)}" is given ${query[name].length} times; give it once.`,
      );
    }
  }
  requireNumbers('Query parameter', schema?.querystring, query);
  requireNumbers('Path parameter', schema?.params, request.params as Readonly<Record<string, unknown>>);
}

function requireNumbers(
  place: string,
  schema: ObjectSchema | undefined,
  values: Readonly<Record<string, unknown>>,
): void {
  for (const [name, property] of Object.entries(schema?.properties ?? {})) {
    const text = values[name];
    if (property.type !== 'integer' || typeof text !== 'string') continue;
    const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = property;
    const inRange = Number(text) >= minimum && Number(text) <= maximum;
    if (/^(0|[1-9][0-9]*)$/.test(text) && inRange) continue;
    throw invalid(
      name,
      `${place} "${name}" must be a whole number from ${minimum} to ${maximum}, not "${shown(text)}".`,
    );
  }
}

function shown(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}…`;
}

function invalid(field: string, message: string): OsproxyError {
  return new OsproxyError('InvalidArgument', message, { details: { field: shown(field) } });
}
