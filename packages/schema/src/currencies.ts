/**
 * The currencies an amount may be in: the active ISO 4217 codes of money that people pay with, by the decimals of
 * their minor unit. Fund codes (CHE, MXV, UYI, ...), metals and test codes are left out, as no shop sells in them.
 */
const codesByDecimals = {
  0: `BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF`,
  2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP
      CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
      INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN
      MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE
      SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR
      ZMW ZWG`,
  // Refused: numeric(14,2) cannot hold their minor unit.
  3: `BHD IQD JOD KWD LYD OMR TND`,
} as const;

/** Decimals of a currency that amounts are kept in. */
export type CurrencyDecimals = 0 | 2;

const accepted: ReadonlyMap<string, CurrencyDecimals> = new Map([
  ...codes(0).map((code) => [code, 0] as const),
  ...codes(2).map((code) => [code, 2] as const),
]);

const refused: ReadonlySet<string> = new Set(codes(3));

function codes(decimals: keyof typeof codesByDecimals): string[] {
  return codesByDecimals[decimals].split(/\s+/);
}

/** Every currency that is accepted, sorted by code. */
export const CURRENCIES: readonly string[] = [...accepted.keys()].sort();

/** A currency that amounts cannot be kept in: unknown, or with three decimals. The message is fit for a client. */
export class CurrencyError extends RangeError {
  override readonly name = 'CurrencyError';
  readonly currency: string;

  constructor(currency: string) {
    super(
      refused.has(currency)
        ? `${currency} has three decimals; amounts are kept with two at most`
        : `${JSON.stringify(currency)} is not an active ISO 4217 currency code`,
    );
    this.currency = currency;
  }
}

/** True for an upper-case ISO 4217 code with at most two decimals. */
export function isCurrency(code: string): boolean {
  return accepted.has(code);
}

/** How many decimals an amount in this currency has: 0 (JPY, KRW) or 2 (USD). @throws {CurrencyError} */
export function currencyDecimals(currency: string): CurrencyDecimals {
  const decimals = accepted.get(currency);
  if (decimals === undefined) throw new CurrencyError(currency);
  return decimals;
}
