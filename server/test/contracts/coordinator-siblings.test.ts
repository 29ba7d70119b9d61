import { expect, it, vi } from 'vitest';
import type { Metadata } from '#core/ports/metadata.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { SiblingCoordinator, type Siblings } from '#drivers/coordinator/siblings.ts';
import { recordingLogger, temporaryDatabase } from './metadata-temporary.ts';

/** Processes of one node that reach each other without a wire. */
class Family {
  readonly #members: ((topic: string, message: string) => void)[] = [];

  join(): Siblings {
    let own: ((topic: string, message: string) => void) | undefined;
    return {
      onTold: (listener) => {
        own = listener;
        this.#members.push(listener);
      },
      tell: async (topic, message) => {
        for (const member of this.#members) if (member !== own) member(topic, message);
      },
    };
  }
}

async function openFamily() {
  const database = await temporaryDatabase();
  const family = new Family();
  const joined: { coordinator: SiblingCoordinator; metadata: Metadata }[] = [];
  return {
    join: async (clock: { now(): number }) => {
      const metadata = await database.open();
      await metadata.migrate();
      const inner = new DatabaseCoordinator({ metadata, clock, logger: recordingLogger() });
      const coordinator = new SiblingCoordinator(inner, family.join());
      joined.push({ coordinator, metadata });
      return coordinator;
    },
    remove: async () => {
      for (const { coordinator, metadata } of joined) {
        await coordinator.close();
        await metadata.close();
      }
      await database.remove();
    },
  };
}

it('lets a sibling hear a message before publish resolves', async () => {
  const family = await openFamily();
  try {
    const [one, other] = [await family.join({ now: Date.now }), await family.join({ now: Date.now })];
    const heard: string[] = [];
    const unsubscribe = other.subscribe('t', (message) => heard.push(message));
    await one.publish('t', 'first');
    expect(heard).toEqual(['first']);
    unsubscribe();
    await one.publish('t', 'second');
    expect(heard).not.toContain('second');
  } finally {
    await family.remove();
  }
});

it('reaches the others although a subscriber throws, and processes of other nodes through the database', async () => {
  const family = await openFamily();
  try {
    const [one, other] = [await family.join({ now: Date.now }), await family.join({ now: Date.now })];
    const heard: string[] = [];
    other.subscribe('t', () => {
      throw new Error('a subscriber fails');
    });
    other.subscribe('t', (message) => heard.push(message));
    one.subscribe('t', (message) => heard.push(`own ${message}`));
    await one.publish('t', 'm');
    expect(heard.toSorted()).toEqual(['m', 'own m']);
    // At least once is what the port promises: the way through the database brings it again.
    await vi.waitFor(() => expect(heard.filter((message) => message === 'm')).toHaveLength(2), {
      timeout: 5000,
    });
  } finally {
    await family.remove();
  }
});
