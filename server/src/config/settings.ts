import { settingsSchema } from './schema.ts';

/** The part of JSON Schema that settings use, with what the reference and the masking need. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  /** One entry: what every value of an object with free names must be. */
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[] | undefined;
  readonly items?: SchemaNode;
  readonly enum?: readonly (string | number)[];
  /** Several kinds of value; `allowed` names them. */
  readonly anyOf?: readonly SchemaNode[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  /** What `pattern` means, in words. */
  readonly allowed?: string;
  readonly unit?: string;
  /** The default in words, where it depends on something. */
  readonly defaultText?: string;
  readonly secret?: boolean;
}

/** One setting: its place in the file, its environment variable and what it accepts. */
export interface Setting {
  readonly path: readonly string[];
  readonly name: string;
  readonly env: string;
  readonly schema: SchemaNode;
}

export const rootSchema: SchemaNode = settingsSchema;

/** Every setting in the order of the schema; sections themselves are not settings. */
export const SETTINGS: readonly Setting[] = [...leaves(rootSchema, [])];

function* leaves(node: SchemaNode, path: readonly string[]): Generator<Setting> {
  for (const [key, schema] of Object.entries(node.properties ?? {})) {
    const here = [...path, key];
    if (isSection(schema)) yield* leaves(schema, here);
    else yield { path: here, name: here.join('.'), env: environmentName(here), schema };
  }
}

export function isSection(node: SchemaNode): boolean {
  return node.properties !== undefined;
}

/** http.idleTimeoutSeconds → OSPROXY_HTTP_IDLE_TIMEOUT_SECONDS; a unit such as MiB stays one word. */
function environmentName(path: readonly string[]): string {
  const words = path.map((key) =>
    key
      .replace(/([KMGT])iB/g, '$1ib')
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .toUpperCase(),
  );
  return `OSPROXY_${words.join('_')}`;
}

/** What a setting accepts, as the end of the sentence "it must be …". */
export function allowedText(schema: SchemaNode): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  if (schema.allowed !== undefined) return schema.allowed;
  switch (schema.type) {
    case 'integer':
      return `a whole number from ${schema.minimum} to ${schema.maximum}${unitText(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list of ${schema.items?.type === 'object' ? 'objects' : 'texts'}${countText(schema)}`;
    case 'object':
      return `an object with ${Object.keys(schema.properties ?? {}).join(', ')}`;
    default:
      return (schema.minLength ?? 0) > 1
        ? `a text of at least ${schema.minLength} characters`
        : 'a text that is not empty';
  }
}

function unitText(schema: SchemaNode): string {
  return schema.unit === undefined || schema.unit === 'port' ? '' : ` ${schema.unit}`;
}

function countText(schema: SchemaNode): string {
  if (schema.minItems !== undefined) return ` with ${schema.minItems} to ${schema.maxItems} entries`;
  return schema.maxItems === undefined ? '' : ` with at most ${schema.maxItems} entries`;
}
