import t from 'tap';
import { createSecretBox, isEncryptionKey, UnknownKeyError } from './secret-box.ts';

const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64');

t.test('what was sealed opens again, and each sealing looks different', async (t) => {
  const box = createSecretBox([key(1)]);
  const sealed = [box.seal('whsec_x', 'endpoint'), box.seal('whsec_x', 'endpoint')];
  t.not(sealed[0], sealed[1]);
  for (const text of sealed) t.equal(box.open(text, 'endpoint'), 'whsec_x');
});

t.test('a changed, moved or foreign ciphertext does not open', async (t) => {
  const box = createSecretBox([key(1)]);
  const sealed = box.seal('whsec_x', 'endpoint');
  t.throws(() => box.open(sealed, 'another endpoint'));
  for (const part of [1, 2, 3]) {
    const parts = sealed.split(':');
    const bytes = Buffer.from(parts[part] ?? '', 'base64url');
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    t.throws(
      () => box.open(parts.with(part, bytes.toString('base64url')).join(':'), 'endpoint'),
      `part ${part}`,
    );
  }
  t.throws(() => createSecretBox([key(2)]).open(sealed, 'endpoint'), UnknownKeyError);
  t.throws(() => box.open('', 'endpoint'));
});

t.test('after a change of keys older ciphertexts open and are known to be outdated', async (t) => {
  const old = createSecretBox([key(1)]).seal('whsec_x', 'endpoint');
  const box = createSecretBox([key(2), key(1)]);
  t.equal(box.open(old, 'endpoint'), 'whsec_x');
  t.ok(box.isOutdated(old));
  t.notOk(box.isOutdated(box.seal('whsec_x', 'endpoint')));
});

t.test('a key to come, listed among the older ones, opens and does not seal', async (t) => {
  const before = createSecretBox([key(1), key(2)]);
  const after = createSecretBox([key(2), key(1)]);
  t.equal(before.open(after.seal('whsec_x', 'endpoint'), 'endpoint'), 'whsec_x');
  t.equal(createSecretBox([key(1)]).open(before.seal('whsec_x', 'endpoint'), 'endpoint'), 'whsec_x');
});

t.test('what a key that it was not given has sealed is no business of a box', async (t) => {
  const newer = createSecretBox([key(2)]).seal('whsec_x', 'endpoint');
  t.notOk(createSecretBox([key(1), key(3)]).isOutdated(newer));
});

t.test('only the base64 of 32 bytes is a key', async (t) => {
  t.ok(isEncryptionKey(key(1)));
  for (const text of ['', 'short', Buffer.alloc(31).toString('base64'), `${key(1)}AAAA`, '!'.repeat(44)]) {
    t.notOk(isEncryptionKey(text), text);
    t.throws(() => createSecretBox([text]));
  }
});
