/** Two decimals: rates are estimates. */
export const rounded = (rate: number) => Math.round(rate * 100) / 100;
