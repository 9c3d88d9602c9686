/** Where the platform is and who may prepare it, as `npm run load` hands them over; by hand with `k6 run -e NAME=...`. */
export interface Settings {
  readonly api: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly admin: { readonly email: string; readonly password: string };
  /** Where partners' webhooks go; without it no endpoints are made. */
  readonly receiverUrl: string | undefined;
  /** Names everything that this run makes, so that runs do not meet. */
  readonly runId: string;
  readonly summaryFile: string;
  /** Whether every accepted click, order and change is written to the console output, for the books. */
  readonly keepsAccepted: boolean;
}

export function readSettings(): Settings {
  const gatewayUrl = required('GATEWAY_URL');
  return {
    api: `${gatewayUrl}/api/v1`,
    gatewayUrl,
    apiKey: required('API_KEY'),
    admin: { email: required('ADMIN_EMAIL'), password: required('ADMIN_PASSWORD') },
    receiverUrl: __ENV['RECEIVER_URL'],
    runId: __ENV['RUN_ID'] ?? 'byhand',
    summaryFile: __ENV['SUMMARY_FILE'] ?? 'k6-summary.json',
    keepsAccepted: __ENV['KEEP_ACCEPTED'] === 'on',
  };
}

function required(name: string): string {
  const value = __ENV[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set; npm run load sets it.`);
  return value;
}
