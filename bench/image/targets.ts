/** What the service is measured against, and whether it reaches that. */
import { USUAL_CALLERS } from './cases.ts';
import type { FootprintFigures } from './footprint.ts';
import { type PictureName, USUAL } from './pictures.ts';
import { compared, cpuRatio, medianOf, ownCpu, type Row, type RowKey, rateRatio } from './results.ts';

export interface Target {
  what: string;
  /** Absent where the figure is printed beside the others. */
  least?: number;
  most?: number;
  unit: string;
  /** Absent where it was not measured in this run. */
  figure?: number | undefined;
  /** A ratio of images per second, by CPU time per image: what a busy machine changes less. */
  byCpu?: number | undefined;
}

/** Whether a target is reached; null where it has no bound or was not measured. */
export function reached({ least, most, figure }: Target): boolean | null {
  if (figure === undefined || (least === undefined && most === undefined)) return null;
  return figure >= (least ?? Number.NEGATIVE_INFINITY) && figure <= (most ?? Number.POSITIVE_INFINITY);
}

/** All targets, with the figures of a run. @param footprint null where it was not measured */
export function targetsOf(rows: readonly Row[], footprint: FootprintFigures | null): Target[] {
  const row = (subject: string, more: Partial<RowKey> = {}) => {
    const wanted = { picture: USUAL, form: 'raw', callers: USUAL_CALLERS, ...more };
    return rows.find(
      (one) =>
        one.subject === subject &&
        one.picture === wanted.picture &&
        one.form === wanted.form &&
        (one.callers === null || one.callers === wanted.callers),
    );
  };
  const ratio = (a: Row | undefined, b: Row | undefined) =>
    a && b ? { unit: 'times', figure: rateRatio(a, b), byCpu: cpuRatio(a, b) } : { unit: 'times' };
  const service = row('service');
  const single = { service: row('service', { callers: 1 }), engine: row('pool', { callers: 1 }) };
  const above = (of: 'p50' | 'p99') =>
    single.service && single.engine
      ? compared(single.service, single.engine, (one, engine) => one[of] - engine[of])
      : undefined;
  const best = rows
    .filter(({ subject, picture, form }) => subject === 'fastapi' && picture === USUAL && form === 'raw')
    .toSorted((a, b) => medianOf(b.rounds).rate - medianOf(a.rounds).rate)[0];
  const beside = (picture: PictureName, what: string, least: number | undefined): Target[] => [
    {
      what: `${what}: to release 0.1.0`,
      ...(least !== undefined && { least }),
      ...ratio(row('service', { picture }), row('release', { picture })),
    },
    {
      what: `${what}: to FastAPI`,
      ...(least !== undefined && { least: 0.95 }),
      ...ratio(row('service', { picture }), row('fastapi', { picture })),
    },
  ];
  const resident = (of: Row | undefined, role: string) => of && medianOf(of.rounds).resident[role];
  const full = service && medianOf(service.rounds).full['engines'];

  return [
    { what: '1080p, one face: to the lean bound', least: 0.6, ...ratio(service, row('lean')) },
    { what: '1080p, one face: to release 0.1.0', least: 1.6, ...ratio(service, row('release')) },
    { what: '1080p, one face: to FastAPI', least: 1.1, ...ratio(service, row('fastapi')) },
    { what: "1080p, one face: to FastAPI's best", least: 0.95, ...ratio(service, best) },
    { what: '1080p, one face: to human', least: 5, ...ratio(service, row('human')) },
    ...beside('1080p-4', '4 faces', 1.4),
    ...beside('1080p-14', '14 faces', 1.4),
    ...beside('640-1', '640 px', 1.4),
    ...beside('4096-1', '4096 px', 1.7),
    ...beside('empty', 'no face', undefined),
    ...beside('png', 'PNG', undefined),
    { what: 'base64: to raw', least: 0.92, ...ratio(row('service', { form: 'base64' }), service) },
    { what: 'all processes', most: 24, unit: 'CPU-ms an image', figure: service && ownCpu(medianOf(service.rounds)) },
    { what: 'one caller: p50 above the engine', most: 5, unit: 'ms', figure: above('p50') },
    { what: 'one caller: p99 above the engine', most: 15, unit: 'ms', figure: above('p99') },
    { what: 'full collections of engines', most: 0.02, unit: 'an image', figure: full },
    { what: 'two engines', most: 430, unit: 'MB', figure: resident(service, 'engines') },
    {
      what: 'gateway under 64 callers',
      most: 200,
      unit: 'MB',
      figure: resident(row('service', { callers: 64 }), 'gateway'),
    },
    { what: 'worker and one engine', most: 350, unit: 'MB', figure: footprint?.workerAndEngine },
    { what: '`serve`', most: 85, unit: 'MB', figure: resident(service, 'serve') },
  ];
}
