import { type Draft, set, shown } from './draft.ts';
import { nearest } from './nearest.ts';
import { allowedText, type SchemaNode, SETTINGS, type Setting } from './settings.ts';

const CONFIG_VARIABLE = 'OSPROXY_CONFIG';
/** Read by those who need them, and no settings. */
const OTHERS: ReadonlySet<string> = new Set([CONFIG_VARIABLE, 'OSPROXY_USER_PASSWORD']);

class Unreadable extends Error {}

/** Takes every OSPROXY_* variable; OSPROXY_TEST_* belongs to tests. An empty variable counts as not set, an empty list variable as the empty list. */
export function readEnvironment(draft: Draft, env: NodeJS.ProcessEnv): void {
  const byName = new Map(SETTINGS.map((setting) => [setting.env, setting]));
  for (const name of Object.keys(env).sort()) {
    const raw = env[name];
    if (raw === undefined || !name.startsWith('OSPROXY_')) continue;
    if (OTHERS.has(name) || name.startsWith('OSPROXY_TEST_')) continue;
    const setting = byName.get(name);
    if (setting === undefined) draft.problems.push(unknownVariable(name, byName.keys()));
    else readVariable(draft, setting, raw);
  }
}

function unknownVariable(name: string, known: Iterable<string>): string {
  const suggestion = nearest(name, [...known, CONFIG_VARIABLE]);
  const advice =
    suggestion === undefined ? 'see docs/configuration.md for the names' : `did you mean ${suggestion}`;
  return `${name} is not a variable that osproxy knows; ${advice}${suggestion === undefined ? '.' : '?'}`;
}

function readVariable(draft: Draft, setting: Setting, raw: string): void {
  if (raw.trim() === '' && !isTextList(setting.schema)) return;
  const origin = `the environment variable ${setting.env}`;
  try {
    set(draft, setting, parse(setting.schema, raw.trim()), origin);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    draft.problems.push(
      `${setting.name} (from ${origin}) is ${shown(raw, setting.schema.secret === true)}; it must be ${error.message || allowedText(setting.schema)}.`,
    );
  }
}

function isTextList(schema: SchemaNode): boolean {
  return schema.type === 'array' && schema.items?.type === 'string';
}

function parse(schema: SchemaNode, raw: string): unknown {
  if (schema.type === 'integer' || typeof schema.enum?.[0] === 'number') {
    if (!/^[+-]?\d{1,15}$/.test(raw)) throw new Unreadable();
    return Number(raw);
  }
  if (schema.anyOf !== undefined) return /^\d{1,15}$/.test(raw) ? Number(raw) : raw;
  if (schema.type === 'boolean') {
    const value = { true: true, '1': true, false: false, '0': false }[raw.toLowerCase()];
    if (value === undefined) throw new Unreadable('true, false, 1 or 0');
    return value;
  }
  if (isTextList(schema)) {
    return raw
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }
  if (schema.type === 'array' || schema.type === 'object') {
    try {
      return JSON.parse(raw);
    } catch {
      throw new Unreadable(`${allowedText(schema)}, written as JSON`);
    }
  }
  return raw;
}
