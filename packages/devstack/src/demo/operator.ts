/** The person in whose name the programme's operators act in the demonstration. */
export interface Operator {
  readonly id: string;
  readonly name: string;
  readonly ipAddress: string;
  readonly userAgent: string;
}

/** Of the range that is kept for documentation. */
export const OPERATOR_ADDRESS = '203.0.113.24';
export const OPERATOR_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0';
