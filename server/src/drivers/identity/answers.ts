import { quoted } from './failures.ts';
import { NoAnswer, type OutgoingHttp } from './outgoing-http.ts';

/** What a provider answered, in whatever form it wrote it. */
export interface Answered {
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** `callback( {…} );`, which is a call around JSON whatever its name. */
const JSONP = /^\s*[A-Za-z_$][\w$.]*\s*\(([\s\S]*)\)\s*;?\s*$/;

/**
 * Asks, and reads an object of JSON, JSONP or a form from the answer. The form is told by the text itself, since providers label it in many ways.
 * Rejects with NoAnswer when it is none of them; its message never holds the text, which may be a token.
 */
export async function ask(http: OutgoingHttp, url: URL, asked?: Asked): Promise<Answered> {
  const response = await http.fetch(url, asked);
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const fields = objectOf(JSONP.exec(text)?.[1] ?? text) ?? formOf(text);
  if (fields === undefined) {
    const type = quoted(response.headers.get('content-type') ?? 'no type');
    throw new NoAnswer(
      `${url.host} answered ${response.status} with ${text.length} characters of ${type} that are neither JSON nor a form`,
    );
  }
  return { status: response.status, fields };
}

function objectOf(text: string): Answered['fields'] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Answered['fields']) : undefined;
  } catch {
    return undefined;
  }
}

/** `name=value` and more of them; what names nothing this way is no form. */
function formOf(text: string): Answered['fields'] | undefined {
  const line = text.trim();
  if (!/^[A-Za-z_][\w.-]*=[^\s<>"]*$/.test(line)) return undefined;
  return Object.fromEntries(new URLSearchParams(line));
}

export function textOf(fields: Answered['fields'], name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
