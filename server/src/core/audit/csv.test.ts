import { expect, it } from 'vitest';
import type { AuditEntry } from '../model/audit.ts';
import { CSV_HEAD, csvLine } from './csv.ts';

function entry(name: string): AuditEntry {
  return {
    ...{ id: '1', at: 0, actor: { kind: 'person', id: '7', name }, action: 'key.created' },
    ...{
      subject: { kind: 'key', id: 'k' },
      origin: { address: '::1' },
      outcome: 'ok',
      detail: { a: 'b,"c"' },
    },
  };
}

it('has a cell per column, with quotes where they are needed', () => {
  expect(CSV_HEAD).toBe(
    'time,actor_kind,actor_id,actor_name,action,subject_kind,subject_id,outcome,address,user_agent,request_id,detail\r\n',
  );
  expect(csvLine(entry('Zoë'))).toBe(
    '1970-01-01T00:00:00.000Z,person,7,Zoë,key.created,key,k,ok,::1,,,"{""a"":""b,\\""c\\""""}"\r\n',
  );
});

it.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  [' =1', "' =1"],
  ['\u00a0=1', "'\u00a0=1"],
  ['\t=1', "'\t=1"],
  ['\r=1', '"\'\r=1"'],
  ['\n@x', '"\'\n@x"'],
  ['＝1', "'＝1"],
  ['＋1', "'＋1"],
  ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
  ['a,=1', '"a,=1"'],
  ['x"\r\n=1', '"x""\r\n=1"'],
  ['plain', 'plain'],
])('%j becomes %j: nothing that a spreadsheet computes', (name, cell) => {
  expect(csvLine(entry(name))).toContain(`,7,${cell},key.created`);
});
