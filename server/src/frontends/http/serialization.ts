import SerializerSelector from '@fastify/fast-json-stringify-compiler';

type Schemas = Readonly<Record<string, unknown>>;
type Factory = ReturnType<typeof SerializerSelector>;
type Compiler = ReturnType<Factory>;

const standard = SerializerSelector();

/**
 * Compiles the schemas of answers, each text once and with only those shared schemas that it names: the compiler looks at all that it is given anew for every
 * status of every route, which took seconds of each start.
 */
export function buildSerializer(externalSchemas: unknown, options?: Parameters<Factory>[1]): Compiler {
  const shared = externalSchemas as Schemas;
  const compiled = new Map<string, ReturnType<Compiler>>();
  return (route) => {
    const text = JSON.stringify(route.schema);
    const known = compiled.get(text);
    if (known !== undefined) return known;
    const serializer = standard(named(route.schema, shared), options)(route);
    compiled.set(text, serializer);
    return serializer;
  };
}

/** The shared schemas that this one refers to, itself or through others. */
function named(schema: unknown, shared: Schemas): Schemas {
  const found: Record<string, unknown> = {};
  const waiting: unknown[] = [schema];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, child] of Object.entries(value)) {
      if (key !== '$ref' || typeof child !== 'string') {
        waiting.push(child);
        continue;
      }
      const id = child.split('#', 1)[0] ?? '';
      if (found[id] !== undefined || shared[id] === undefined) continue;
      found[id] = shared[id];
      waiting.push(shared[id]);
    }
  }
  return found;
}
