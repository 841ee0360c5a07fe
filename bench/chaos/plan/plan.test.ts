import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomFrom, shuffled } from '../../../test/support/random.ts';
import { FAULT_KINDS, faultKind, PLACES, planFaults, victimOf } from './faults.ts';
import { CAMERAS, imagesOf, planOperations } from './operations.ts';

const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const faultPlan = fc.record({
  seed,
  faults: fc.integer({ min: 0, max: 100 }),
  longestMs: fc.integer({ min: 1000, max: 20_000 }),
});
const operationPlan = fc.record({
  seed,
  jobs: fc.integer({ min: 1, max: 1000 }),
  pictures: fc.integer({ min: 1, max: 50 }),
});

describe('a plan of faults', () => {
  it('is the same for the same seed, and differs for another', () => {
    fc.assert(fc.property(faultPlan, (plan) => void expect(planFaults(plan)).toEqual(planFaults(plan))));
    const plan = { faults: 20, longestMs: 10_000 };
    expect(planFaults({ ...plan, seed: 1 })).not.toEqual(planFaults({ ...plan, seed: 2 }));
  });

  it('has the number asked for, in order, each kind as often as any other or once more', () => {
    fc.assert(
      fc.property(faultPlan, (plan) => {
        const faults = planFaults(plan);
        expect(faults).toHaveLength(plan.faults);
        const counts = FAULT_KINDS.map((kind) => faults.filter((fault) => fault.kind === kind).length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        for (const [i, fault] of faults.entries()) expect(fault.at).toBeGreaterThanOrEqual(faults[i - 1]?.at ?? 0);
      }),
    );
  });

  it('has an existing place, a time in the run and a duration within its bounds', () => {
    fc.assert(
      fc.property(faultPlan, (plan) => {
        for (const fault of planFaults(plan)) {
          expect([...Array(PLACES).keys()]).toContain(fault.place);
          expect(fault.at).toBeGreaterThan(0);
          expect(fault.at).toBeLessThan(1);
          expect(fault.ms).toBeLessThanOrEqual(plan.longestMs);
          const lasting = /^(freeze|delay|hole|full)/.test(fault.kind);
          if (lasting) expect(fault.ms).toBeGreaterThanOrEqual(1000);
          else if (fault.kind !== 'kill redis') expect(fault.ms).toBe(0);
        }
      }),
    );
  });

  it('has only the kinds asked for', () => {
    fc.assert(
      fc.property(faultPlan, fc.subarray([...FAULT_KINDS], { minLength: 1 }), (plan, kinds) => {
        for (const { kind } of planFaults({ ...plan, kinds })) expect(kinds).toContain(kind);
      }),
    );
    expect(faultKind(' kill engine')).toBe('kill engine');
    expect(() => faultKind('kill all')).toThrow("'kill all' is not a kind of fault; expected some of: kill engine,");
  });

  it('distinguishes victims by tier and place, with one Redis and one load balancer', () => {
    expect(victimOf({ kind: 'kill worker', place: 0 })).toBe('worker 1');
    expect(victimOf({ kind: 'cut worker-redis', place: 1 })).toBe('worker-redis 2');
    expect(victimOf({ kind: 'full redis', place: 1 })).toBe(victimOf({ kind: 'kill redis', place: 0 }));
    expect(victimOf({ kind: 'hole client-gateway', place: 1 })).toBe(
      victimOf({ kind: 'cut client-gateway', place: 0 }),
    );
  });
});

describe('a plan of operations', () => {
  it('is the same for the same seed', () => {
    fc.assert(fc.property(operationPlan, (plan) => void expect(planOperations(plan)).toEqual(planOperations(plan))));
  });

  it('has exactly the number of images asked for, all of existing pictures', () => {
    fc.assert(
      fc.property(operationPlan, (plan) => {
        const operations = planOperations(plan);
        expect(operations.reduce((sum, operation) => sum + imagesOf(operation), 0)).toBe(plan.jobs);
        for (const operation of operations) {
          const pictures = 'pictures' in operation ? operation.pictures : [operation.picture];
          expect(pictures.length).toBeGreaterThan(0);
          expect(pictures.every((picture) => picture >= 0 && picture < plan.pictures)).toBe(true);
          if (operation.kind === 'frames') expect(operation.camera).toBeLessThan(CAMERAS);
        }
      }),
    );
  });

  it('has every kind of operation, each with about its share of the images', () => {
    const operations = planOperations({ jobs: 20_000, seed: 1, pictures: 10 });
    const images = new Map<string, number>();
    for (const operation of operations)
      images.set(operation.kind, (images.get(operation.kind) ?? 0) + imagesOf(operation));
    for (const [kind, share] of Object.entries({ call: 30, job: 30, cancel: 6, erase: 5, batch: 23, frames: 6 })) {
      expect(images.get(kind)! / 200, kind).toBeGreaterThan(share * 0.7);
      expect(images.get(kind)! / 200, kind).toBeLessThan(share * 1.3);
    }
  });
});

describe('seeded randomness', () => {
  it('stays within its bounds, and shuffles without loss', () => {
    fc.assert(
      fc.property(seed, fc.array(fc.integer()), (given, list) => {
        const random = randomFrom(given);
        for (let i = 0; i < 50; i++) {
          const number = random();
          expect(number).toBeGreaterThanOrEqual(0);
          expect(number).toBeLessThan(1);
        }
        const sorted = (numbers: number[]) => numbers.toSorted((a, b) => a - b);
        expect(sorted(shuffled(random, list))).toEqual(sorted(list));
      }),
    );
  });
});
