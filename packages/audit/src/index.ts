export { type AuditOptions, type AuditReport, audit } from './audit.ts';
export type { Finding, FindingKind } from './finding.ts';
