/** A reason to stop that is told to the person at the keyboard in one sentence, without a stack. */
export class BootstrapFailure extends Error {}

/** Progress goes to stderr, so that stdout stays the target's own. */
export function say(sentence) {
  process.stderr.write(`osproxy: ${sentence}\n`);
}
