import type { Config } from '#config/config.ts';
import type { Scanner } from '#core/ports/scanner.ts';
import type { ScanSettings } from '#core/tasks/scan.ts';
import { ClamdScanner, parseClamdAddress } from '#drivers/scanner/clamd.ts';

const MEBIBYTE = 1024 * 1024;

/** How files are scanned; undefined where no scanner is set. */
export function scanSettingsOf({ scan, tasks }: Config): ScanSettings | undefined {
  const { address, categories, maxSizeMiB, onTooLarge, timeoutSeconds } = scan;
  if (address === undefined) return undefined;
  return {
    scanner: new ClamdScanner({ address: parseClamdAddress(address), timeoutMs: timeoutSeconds * 1000 }),
    categories,
    maxSize: maxSizeMiB * MEBIBYTE,
    onTooLarge,
    atOnce: Math.max(1, tasks.concurrency - 1),
  };
}

export function scannerCheck(scanner: Scanner | undefined) {
  if (scanner === undefined) return [];
  const fix = 'Check scan.address and that clamd runs; files stay held until it does.';
  return [{ check: 'virus scanner', fix, run: () => scanner.examine() }];
}
