import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from './config-error.ts';
import { type Draft, set, shown } from './draft.ts';
import { nearest } from './nearest.ts';
import { isSection, rootSchema, type SchemaNode, SETTINGS } from './settings.ts';

const DEFAULT_FILE = 'osproxy.yaml';
const MAX_FILE_BYTES = 1024 * 1024;

/** Reads the file of OSPROXY_CONFIG, or ./osproxy.yaml when it exists; an empty file sets nothing. */
export async function readConfigFile(draft: Draft, env: NodeJS.ProcessEnv, cwd: string): Promise<void> {
  const asked = env.OSPROXY_CONFIG?.trim();
  const path = resolve(cwd, asked || DEFAULT_FILE);
  const text = readText(path, asked ? 'OSPROXY_CONFIG' : undefined);
  if (text === undefined) return;
  const content = await parseYaml(text, path);
  if (content === null || content === undefined) return;
  if (!isObject(content)) {
    const what = Array.isArray(content) ? 'a list' : 'a single value';
    throw new ConfigError([
      `The configuration file ${path} holds ${what}; it must hold settings written as "name: value".`,
    ]);
  }
  walk(draft, content, rootSchema, [], path);
}

function readText(path: string, askedBy: string | undefined): string | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > MAX_FILE_BYTES) {
      throw new ConfigError([
        `The configuration file ${path} has ${bytes.length} bytes; at most ${MAX_FILE_BYTES} are read.`,
      ]);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' && askedBy === undefined) return undefined;
    const from = askedBy === undefined ? '' : ` (from ${askedBy})`;
    throw new ConfigError([`The configuration file ${path}${from} cannot be read: ${reason(code)}.`], error);
  }
}

function reason(code: string | undefined): string {
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a folder';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8 text';
  return code ?? 'unknown reason';
}

async function parseYaml(text: string, path: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  const error = document.errors[0];
  if (error !== undefined) {
    const line = error.linePos?.[0];
    const place = line === undefined ? '' : ` in line ${line.line}, column ${line.col}`;
    const what = (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
    throw new ConfigError([`The configuration file ${path} is not valid YAML${place}: ${what}.`], error);
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new ConfigError(
      [`The configuration file ${path} is not valid YAML: ${(cause as Error).message}.`],
      cause,
    );
  }
}

function walk(draft: Draft, content: object, node: SchemaNode, path: readonly string[], file: string): void {
  const known = node.properties ?? {};
  for (const [key, value] of Object.entries(content)) {
    const here = [...path, key];
    const name = here.join('.');
    const schema = Object.hasOwn(known, key) ? known[key] : undefined;
    if (schema === undefined) {
      draft.problems.push(unknownKey(name, path, Object.keys(known), key, file));
    } else if (!isSection(schema)) {
      const setting = SETTINGS.find((candidate) => candidate.name === name);
      if (setting !== undefined) set(draft, setting, value, file, file);
    } else if (isObject(value)) {
      walk(draft, value, schema, here, file);
    } else if (value !== null) {
      draft.problems.push(
        `${name} (from ${file}) is ${shown(value, false)}; it must be a section with ${Object.keys(schema.properties ?? {}).join(', ')}.`,
      );
    }
  }
}

function unknownKey(
  name: string,
  path: readonly string[],
  siblings: string[],
  key: string,
  file: string,
): string {
  const suggestion = nearest(key, siblings);
  const full = suggestion === undefined ? undefined : [...path, suggestion].join('.');
  const advice = full === undefined ? 'see docs/configuration.md for the names.' : `did you mean ${full}?`;
  return `${name} (from ${file}) is not a setting that osproxy knows; ${advice}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
