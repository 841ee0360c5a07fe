/**
 * Response headers that keep web pages from embedding, executing or interpreting an answer. Answers are data: a page that is served has
 * to relax what it needs. Pages of other origins read answers by CORS alone, to which the resource policy does not apply.
 * `Strict-Transport-Security` belongs to the proxy that ends TLS.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // Faces are personal data, and states change.
  'Cache-Control': 'no-store',
};
