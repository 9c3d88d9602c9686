import { Webhook } from 'standardwebhooks';
import t from 'tap';
import { generateSecret, secretKey } from './secret.ts';
import { signMessage } from './sign.ts';

t.test('the signature is that of the vector in the reference libraries', async (t) => {
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' };
  const key = secretKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  t.strictSame(signMessage(message, [key], new Date(1_614_265_330_000)), {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

t.test('the reference library verifies what we sign, also beyond ASCII', async (t) => {
  const secret = generateSecret();
  const body = JSON.stringify({ name: 'Zoë 🧾 \u2028', amount: 12.99 });
  const headers = signMessage({ id: 'evt', body }, [secretKey(secret)], new Date());
  t.strictSame(new Webhook(secret).verify(body, { ...headers }), JSON.parse(body));
});

t.test('of 10,000 tampered requests none verifies', async (t) => {
  const secret = generateSecret();
  const webhook = new Webhook(secret);
  const body = JSON.stringify({ type: 'commission.paid', data: { commissionAmount: 12.99 } });
  const headers = { ...signMessage({ id: 'evt_1', body }, [secretKey(secret)], new Date()) };
  const verifies = (candidate: string, withHeaders: typeof headers): boolean => {
    try {
      webhook.verify(candidate, withHeaders);
      return true;
    } catch {
      return false;
    }
  };
  t.ok(verifies(body, headers));
  const fields = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;
  let verified = 0;
  for (let i = 0; i < 10_000; i += 1) {
    const field = fields[i % 4];
    const verdict =
      field === undefined
        ? verifies(changedAt(body, i), headers)
        : verifies(body, { ...headers, [field]: changedAt(headers[field], i) });
    if (verdict) verified += 1;
  }
  t.equal(verified, 0);
});

/** One character replaced by another. Base64's last character before `=` carries unused bits, so it is left alone. */
function changedAt(text: string, seed: number): string {
  const at = seed % (text.length - 2);
  const original = text.charCodeAt(at);
  const replacement = original === 0x41 ? 0x42 : 0x41;
  return text.slice(0, at) + String.fromCharCode(replacement) + text.slice(at + 1);
}

t.test('secrets have 256 bits and never repeat', async (t) => {
  const secrets = Array.from({ length: 100 }, generateSecret);
  t.equal(new Set(secrets).size, 100);
  t.ok(secrets.every((secret) => secretKey(secret).symmetricKeySize === 32));
});
