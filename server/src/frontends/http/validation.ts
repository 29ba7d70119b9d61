import { Ajv, type AnySchema, type Options, type ValidateFunction } from 'ajv';

const SHARED: Options = {
  useDefaults: true,
  strictTypes: false,
  strictRequired: false,
  addUsedSchema: false,
};

/** What Fastify really passes to a compiler, whatever the type of the factory says. */
interface RoutePart {
  readonly schema: AnySchema;
  readonly httpPart: string;
}

/**
 * Compiles route schemas: text that came by URL or header is turned into numbers and booleans, a JSON body is taken as it is.
 * Unknown properties are refused where a schema forbids them, never dropped. Header schemas name headers in lower case.
 */
export function buildValidator(
  externalSchemas: Readonly<Record<string, AnySchema | AnySchema[]>>,
): (part: AnySchema) => ValidateFunction {
  const exact = new Ajv(SHARED);
  const coercing = new Ajv({ ...SHARED, coerceTypes: 'array' });
  for (const schema of Object.values(externalSchemas)) {
    exact.addSchema(schema);
    coercing.addSchema(schema);
  }
  return (part) => {
    const { schema, httpPart } = part as unknown as RoutePart;
    return (httpPart === 'body' ? exact : coercing).compile(schema);
  };
}
