import type { StackFile } from './home/stack-file.ts';

/** What is printed when everything is ready: the address, the ways in, and what to try first. */
export function greeting(stack: StackFile, home: string, seconds: number): string {
  const { gatewayUrl, admin, partner, apiKey } = stack;
  return `
Tributary is ready (${seconds.toFixed(1)} s).

  API            ${gatewayUrl}/api/v1
  Documentation  ${gatewayUrl}/docs
  Administrator  ${admin.email}  ${admin.password}
  Partner        ${partner.email}  ${partner.password}
  API key        ${apiKey}

Try next:
  curl -s ${gatewayUrl}/api/v1/dashboard/funnel -H 'authorization: Bearer ${apiKey}'
  curl -s '${gatewayUrl}/api/v1/operations/commissions?limit=3' -H 'authorization: Bearer ${apiKey}'

The same is in ${home}/stack.json; logs are in ${home}/logs. Ctrl-C stops everything; the data stays.
`;
}
