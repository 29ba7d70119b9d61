import { type TProperties, type TSchemaOptions, Type } from 'typebox';

/** A section whose settings all have defaults; a key that is not listed is an error. */
export function section<P extends TProperties>(properties: P, description: string) {
  return Type.Object(properties, { additionalProperties: false, description });
}

export function whole(minimum: number, maximum: number, fallback: number, unit: string, description: string) {
  return Type.Integer({ minimum, maximum, default: fallback, unit, description });
}

export function size(description: string) {
  return Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, unit: 'bytes', description });
}

export function flag(fallback: boolean, description: string) {
  return Type.Boolean({ default: fallback, description });
}

export function text(
  description: string,
  options: TSchemaOptions & { pattern?: string; allowed?: string; minLength?: number } = {},
) {
  return Type.String({ minLength: 1, description, ...options });
}

/** `name`, `id` and the like: they appear in logs, metrics and the database. */
export const NAME = {
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
  allowed: '1 to 63 letters, digits, dots, dashes or underscores, starting with a letter or digit',
};
