/** What `npm audit` knows against the packages. */
import { execFile } from 'node:child_process';
import { readLock } from './lock.ts';

/** An advisory that does not concern this project, or has to wait: an entry of accepted-advisories.json. */
export interface Accepted {
  /** GHSA-… */
  advisory: string;
  reason: string;
  /** YYYY-MM-DD */
  since: string;
}

/** After this an accepted advisory has to be looked at again. */
const MOST_DAYS = 90;
const DAY_MS = 86_400_000;

interface Vulnerability {
  /** The advisories, or the names of the packages through which they concern this one. */
  via: (string | { name: string; title: string; url: string; severity: string })[];
  /** Paths as in package-lock.json. */
  nodes: string[];
}

interface Report {
  vulnerabilities?: Record<string, Vulnerability>;
  statusCode?: number;
  message?: string;
  error?: { summary?: string };
}

/** Answers of a registry that has no advisories to offer, as mirrors have none. */
const NOT_SERVED = [404, 405, 501];

export type Audit = { served: false } | { served: true; vulnerabilities: Record<string, Vulnerability> };

/** @throws when the registry cannot be reached, or npm says something unknown */
export async function audit(root: string, env: NodeJS.ProcessEnv = process.env): Promise<Audit> {
  const output = await new Promise<string>((resolve) =>
    // It exits with 1 when there is a vulnerability.
    execFile('npm', ['audit', '--json'], { cwd: root, env, maxBuffer: 64 << 20 }, (_, stdout, stderr) =>
      resolve(stdout || stderr),
    ),
  );
  const report = JSON.parse(output) as Report;
  if (report.vulnerabilities) return { served: true, vulnerabilities: report.vulnerabilities };
  if (NOT_SERVED.includes(report.statusCode ?? 0)) return { served: false };
  throw new Error(`npm audit: ${report.message ?? report.error?.summary ?? output}`);
}

/**
 * Advisories that nobody has accepted: all against what is installed with the product, and against development tools those that are
 * high or critical.
 */
export function advisoryProblems(
  root: string,
  vulnerabilities: Record<string, Vulnerability>,
  accepted: readonly Accepted[],
  now: Date,
): string[] {
  const development = new Set(
    readLock(root)
      .filter((one) => one.development)
      .map(({ path }) => path),
  );
  const found = Object.values(vulnerabilities).flatMap(({ via, nodes }) =>
    via.flatMap((one) =>
      typeof one === 'string'
        ? []
        : [
            {
              ...one,
              advisory: one.url.slice(one.url.lastIndexOf('/') + 1),
              shipped: nodes.some((path) => !development.has(path)),
            },
          ],
    ),
  );
  const allowed = new Set(accepted.map(({ advisory }) => advisory));
  return [
    ...found
      .filter(
        ({ advisory, shipped, severity }) => !allowed.has(advisory) && (shipped || /^(high|critical)$/.test(severity)),
      )
      .map(({ name, severity, title, url, shipped }) =>
        [name, shipped ? '' : ' (development)', `: ${severity}: ${title} ${url}`].join(''),
      ),
    ...accepted.flatMap((entry) =>
      acceptedProblems(
        entry,
        found.some(({ advisory }) => advisory === entry.advisory),
        now,
      ),
    ),
  ];
}

function acceptedProblems({ advisory, reason, since }: Accepted, found: boolean, now: Date): string[] {
  const days = (now.getTime() - Date.parse(since)) / DAY_MS;
  const problems = [];
  if (!reason) problems.push(`${advisory} is accepted without a reason`);
  if (!found) problems.push(`${advisory} is accepted, and concerns no package any more`);
  if (!/^\d{4}-\d\d-\d\d$/.test(since) || !(days >= 0))
    problems.push(`${advisory}: since is not a past day, YYYY-MM-DD`);
  else if (days > MOST_DAYS)
    problems.push(`${advisory} has been accepted for more than ${MOST_DAYS} days; look at it again`);
  return problems;
}
