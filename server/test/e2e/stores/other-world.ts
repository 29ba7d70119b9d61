import dns from 'node:dns';

/** Given to a process with `--import`: its clock is off by OSPROXY_TEST_CLOCK_OFF_MS, and with OSPROXY_TEST_LOOPBACK every name is this machine. */
const off = Number(process.env.OSPROXY_TEST_CLOCK_OFF_MS ?? 0);
if (off !== 0) {
  const now = Date.now;
  Date.now = () => now() + off;
  globalThis.Date = new Proxy(Date, {
    construct: (target, args) => Reflect.construct(target, args.length === 0 ? [Date.now()] : args),
  });
}

if (process.env.OSPROXY_TEST_LOOPBACK === 'true') {
  const loopback = ((
    _name: string,
    options: { readonly all?: boolean },
    answer: (...all: unknown[]) => void,
  ) =>
    options.all === true
      ? answer(null, [{ address: '127.0.0.1', family: 4 }])
      : answer(null, '127.0.0.1', 4)) as typeof dns.lookup;
  dns.lookup = loopback;
}
