import { isOsproxyError, toOsproxyError } from './errors.ts';

export interface Diagnosis {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do about it; '' when it is fine. */
  readonly fix: string;
}

interface Check {
  readonly check: string;
  /** What to do when it fails and the failure does not say so itself. */
  readonly fix: string;
  /** What to do when it is refused although the key is good. */
  readonly refused?: string;
  /** Resolves to what was found. */
  readonly work: () => Promise<string>;
}

/** Never rejects. A message of the form "what is wrong; what to do" is divided into the two columns. */
export async function diagnose({ check, fix, refused, work }: Check): Promise<Diagnosis> {
  try {
    return { check, ok: true, detail: await work(), fix: '' };
  } catch (error) {
    const failure = error instanceof Error ? error : toOsproxyError(error);
    const [, wrong = failure.message, advice = ''] = /^(.*?); (.*)$/s.exec(failure.message) ?? [];
    const isRefused = refused !== undefined && isOsproxyError(failure, 'PermissionDenied');
    const detail = `${wrong}${causeOf(failure)}`;
    return { check, ok: false, detail, fix: isRefused ? refused : sentence(advice) || fix };
  }
}

function causeOf({ message, cause }: Error): string {
  if (!(cause instanceof Error)) return '';
  const [line = ''] = cause.message.split('\n');
  // Some services give only a code.
  const text = line === '' || line === 'UnknownError' ? cause.name : line.trim();
  return text === '' || message.includes(text.replace(/\.$/, '')) ? '' : ` (${text})`;
}

function sentence(text: string): string {
  if (text === '') return '';
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}
