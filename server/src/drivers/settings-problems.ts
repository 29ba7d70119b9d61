import type { TSchema } from 'typebox';
import { Errors } from 'typebox/value';

/** What messages need of a settings schema; a module of your own may give any JSON schema of an object. */
interface Property {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly unit?: string;
  readonly pattern?: string;
  readonly allowed?: string;
  readonly secret?: boolean;
}

interface Place {
  /** Such as `store`. */
  readonly what: string;
  readonly name: string;
  readonly type: string;
}

const SECRET_NAME = /secret|pass|token|credential|signature|key$/i;

/** One sentence per wrong setting of something that has a type and a name, without any secret; empty when the settings fit. */
export function settingsProblems(
  { what, name, type }: Place,
  schema: TSchema,
  given: Readonly<Record<string, unknown>>,
): string[] {
  const { properties = {} } = schema as { readonly properties?: Readonly<Record<string, Property>> };
  const at = `The ${what} "${name}" of type ${type}`;
  const found = new Map<string, string>();
  const note = (key: string, sentence: string) => {
    if (!found.has(key)) found.set(key, sentence);
  };
  for (const error of Errors(schema, given)) {
    const params = error.params as {
      readonly requiredProperties?: readonly string[];
      readonly additionalProperties?: readonly string[];
    };
    const [key] = error.instancePath.split('/').slice(1);
    if (error.keyword === 'boolean') continue;
    if (key !== undefined)
      note(key, `${at} has a wrong setting: ${wrongValue(key, given[key], properties[key])}.`);
    else if (error.keyword === 'required') {
      for (const missing of params.requiredProperties ?? []) {
        note(missing, `${at} needs the setting "${missing}": ${described(properties[missing])}`);
      }
    } else if (error.keyword === 'additionalProperties') {
      const known = Object.keys(properties).join(', ');
      for (const extra of params.additionalProperties ?? []) {
        const has = known === '' ? 'it has none' : `it has ${known}`;
        note(extra, `${at} does not have the setting "${extra}"; ${has}.`);
      }
    } else note('', `${at} has wrong settings: they ${error.message}.`);
  }
  return [...found.values()];
}

function described(property: Property | undefined): string {
  return property?.description ?? 'see its type.';
}

function wrongValue(key: string, value: unknown, property: Property | undefined): string {
  const secret = property?.secret === true || SECRET_NAME.test(key);
  const shown = secret ? '(hidden)' : JSON.stringify(value);
  return `${key} is ${shown.length > 80 ? `${shown.slice(0, 77)}…` : shown}; it must be ${expected(property)}`;
}

function expected(property: Property | undefined): string {
  if (property?.enum !== undefined) return `one of ${property.enum.join(', ')}`;
  if (property?.allowed !== undefined) return property.allowed;
  switch (property?.type) {
    case 'integer':
    case 'number': {
      const { minimum, maximum, unit } = property;
      const range = [
        ...(minimum === undefined ? [] : [`from ${minimum}`]),
        ...(maximum === undefined ? [] : [`to ${maximum}`]),
        ...(unit === undefined ? [] : [unit]),
      ];
      return ['a number', ...range].join(' ');
    }
    case 'boolean':
      return 'true or false';
    case 'string':
      return property.pattern === undefined
        ? 'a text that is not empty'
        : `a text that fits ${property.pattern}`;
    default:
      return 'what its type says';
  }
}
