import t from 'tap';
import { createSecretBox } from '../encryption/secret-box.ts';
import { generateSecret, secretKey } from './secret.ts';
import { createSigningKeys } from './signing-keys.ts';

const box = createSecretBox([Buffer.alloc(32, 1).toString('base64')]);

t.test('a rotated secret signs along until its day is over, and not a moment longer', async (t) => {
  const [present, before] = [generateSecret(), generateSecret()];
  const rotatedAt = Date.parse('2026-03-01T12:00:00.000Z');
  const expiresAt = '2026-03-02T12:00:00.000Z';
  const sealed = {
    endpointId: 'endpoint',
    secretCiphertext: box.seal(present, 'endpoint'),
    previousSecrets: [{ ciphertext: box.seal(before, 'endpoint'), expiresAt }],
  };
  const signingKeys = createSigningKeys(box);
  const signing = (atMs: number): string[] =>
    signingKeys(sealed, new Date(atMs)).map((key) => key.export().toString('base64'));
  const [presentKey, beforeKey] = [present, before].map((one) => secretKey(one).export().toString('base64'));
  t.strictSame(signing(rotatedAt), [presentKey, beforeKey]);
  t.strictSame(signing(Date.parse(expiresAt) - 1), [presentKey, beforeKey]);
  t.strictSame(signing(Date.parse(expiresAt)), [presentKey]);
});

t.test('more endpoints than it remembers keep their own keys', async (t) => {
  const signingKeys = createSigningKeys(box, 2);
  const secrets = Array.from({ length: 4 }, generateSecret);
  const sealed = secrets.map((secret, i) => ({
    endpointId: `endpoint ${i}`,
    secretCiphertext: box.seal(secret, `endpoint ${i}`),
    previousSecrets: [],
  }));
  for (const round of [1, 2]) {
    const keys = sealed.map((one) => signingKeys(one, new Date())[0]?.export().toString('base64'));
    t.strictSame(
      keys,
      secrets.map((secret) => secretKey(secret).export().toString('base64')),
      `round ${round}`,
    );
  }
});
