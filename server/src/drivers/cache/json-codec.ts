/** Written in front of values that JSON does not know, and of objects that look as if they were one. */
const TAG = '$osproxy';

/** Text of plain data that decode() turns back into equal data: undefined, bigint, Date, Uint8Array, NaN and the infinities included. */
export function encode(value: unknown): string {
  return JSON.stringify(tagged(value));
}

/** Throws SyntaxError for text that encode() did not write. */
export function decode(text: string): unknown {
  return untagged(JSON.parse(text));
}

function tagged(value: unknown): unknown {
  switch (typeof value) {
    case 'undefined':
      return { [TAG]: 'undefined' };
    case 'bigint':
      return { [TAG]: 'bigint', value: String(value) };
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { [TAG]: 'number', value: Object.is(value, -0) ? '-0' : String(value) };
    case 'function':
    case 'symbol':
      throw new TypeError(`A ${typeof value} is no data.`);
    case 'object':
      return value === null ? null : taggedObject(value);
    default:
      return value;
  }
}

function taggedObject(value: object): unknown {
  if (Array.isArray(value)) return value.map(tagged);
  if (value instanceof Date) return { [TAG]: 'date', value: value.getTime() };
  if (value instanceof Uint8Array) return { [TAG]: 'bytes', value: Buffer.from(value).toString('base64') };
  const entries = Object.entries(value).map(([key, child]) => [key, tagged(child)] as const);
  const object = Object.fromEntries(entries);
  return TAG in value ? { [TAG]: 'object', value: object } : object;
}

function untagged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(untagged);
  if (!(TAG in value)) return plain(value);
  const inner = (value as { value?: unknown }).value;
  switch (value[TAG]) {
    case 'undefined':
      return undefined;
    case 'bigint':
      return BigInt(String(inner));
    case 'number':
      return Number(inner);
    case 'date':
      return new Date(Number(inner ?? Number.NaN));
    case 'bytes':
      return new Uint8Array(Buffer.from(String(inner), 'base64'));
    case 'object':
      return plain(inner as object);
    default:
      throw new SyntaxError(`There is no kind of value called ${String(value[TAG])}.`);
  }
}

function plain(value: object): object {
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, untagged(child)]));
}
