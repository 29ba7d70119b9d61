import { Errors } from 'typebox/value';
import { type Draft, shown } from './draft.ts';
import { nearest } from './nearest.ts';
import { allowedText, type SchemaNode, SETTINGS, type Setting } from './settings.ts';

/** Adds one sentence per wrong value to the draft's problems. */
export function checkValues(draft: Draft): void {
  for (const setting of SETTINGS) {
    const given = draft.values.get(setting.name);
    if (given !== undefined) draft.problems.push(...sentences(setting, given.value, given.origin));
  }
}

function sentences(setting: Setting, value: unknown, origin: string): string[] {
  const found = new Map<string, string>();
  for (const error of Errors(setting.schema, value)) {
    if (error.keyword === 'boolean') continue;
    const steps = error.instancePath.split('/').slice(1);
    const place =
      setting.name + steps.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join('');
    const { schema, value: part } = descend(setting.schema, value, steps);
    const secret = setting.schema.secret === true || schema.secret === true;
    for (const [key, sentence] of sentencesOf(error, place, origin, schema, part, secret)) {
      if (!found.has(key)) found.set(key, sentence);
    }
  }
  return [...found.values()];
}

function* sentencesOf(
  error: { readonly keyword: string; readonly params: object },
  place: string,
  origin: string,
  schema: SchemaNode,
  value: unknown,
  secret: boolean,
): Generator<[string, string]> {
  const params = error.params as { requiredProperties?: string[]; additionalProperties?: string[] };
  if (error.keyword === 'required') {
    for (const key of params.requiredProperties ?? []) {
      const allowed = allowedText(schema.properties?.[key] ?? {});
      yield [`${place}.${key}`, `${place}.${key} is missing (from ${origin}); it must be ${allowed}.`];
    }
  } else if (error.keyword === 'additionalProperties') {
    for (const key of params.additionalProperties ?? []) {
      const known = Object.keys(schema.properties ?? {});
      const suggestion = nearest(key, known);
      const advice =
        schema.allowed !== undefined
          ? `it must be ${schema.allowed}.`
          : suggestion === undefined
            ? `it may have ${known.join(', ')}.`
            : `did you mean ${place}.${suggestion}?`;
      yield [
        `${place}.${key}`,
        `${place}.${key} (from ${origin}) is not a setting that osproxy knows; ${advice}`,
      ];
    }
  } else {
    yield [place, `${place} (from ${origin}) is ${shown(value, secret)}; it must be ${allowedText(schema)}.`];
  }
}

/** The schema and the value that an error's path points at; a secret list makes everything below it secret. */
function descend(
  schema: SchemaNode,
  value: unknown,
  steps: readonly string[],
): { schema: SchemaNode; value: unknown } {
  let node = schema;
  let part = value;
  for (const step of steps) {
    const free = Object.values(node.patternProperties ?? {})[0];
    node = (node.type === 'array' ? node.items : (node.properties?.[step] ?? free)) ?? {};
    part = (part as Record<string, unknown> | undefined)?.[step];
  }
  return { schema: node, value: part };
}
