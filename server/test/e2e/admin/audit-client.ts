import type { RestClient } from '../rest/client.ts';

export interface Entry {
  readonly id: string;
  readonly at: string;
  readonly actor: { readonly kind: string; readonly id?: string; readonly name?: string };
  readonly action: string;
  readonly subject: { readonly kind: string; readonly id?: string };
  readonly outcome: string;
  readonly address?: string;
  readonly userAgent?: string;
  readonly requestId?: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface AuditPage {
  readonly entries: readonly Entry[];
  readonly next: string | null;
}

/** A page of the audit log; `query` with its question mark. */
export async function auditOf(client: RestClient, query = ''): Promise<AuditPage> {
  const { status, bytes } = await client.call('GET', `/audit${query}`);
  if (status !== 200) throw new Error(`audit: ${status} ${bytes}`);
  return JSON.parse(bytes.toString()) as AuditPage;
}

/** The cells of a CSV as RFC 4180 has it. */
export function csvRows(text: string): string[][] {
  const rows: string[][] = [];
  let cells: string[] = [];
  const pattern = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/gy;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [, cell = '', end] = match;
    cells.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end === ',') continue;
    rows.push(cells);
    cells = [];
  }
  return rows;
}
