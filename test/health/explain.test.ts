import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainHealth } from '../../src/health/explain.ts';
import type { LiveObject } from '../../src/model/manifest.ts';
import { condition, live } from './objects.ts';

const now = new Date('2026-05-04T10:10:00Z');

describe('explainHealth', () => {
  it('gives both verdicts where they differ', () => {
    const running = live('batch/v1', 'Job', { spec: { completions: 2 }, status: { startTime: '2026-05-04T10:00:00Z', active: 1 } });
    expect(explainHealth(running, now)).toEqual({
      health: 'Progressing',
      message: '0 of 2 pods of the Job succeeded, 1 active, 0 failed',
      kstatus: 'Current',
    });
  });

  it('says when a kind has no rule', () => {
    const widget = live('example.org/v1', 'Widget', { status: { conditions: [condition('Ready', 'False', 'Waiting')] } });
    expect(explainHealth(widget, now)).toEqual({ health: 'Healthy', message: 'no rule for this kind', kstatus: 'InProgress' });
    expect(explainHealth(live('argoproj.io/v1alpha1', 'Application', { status: { health: { status: 'Degraded' } } }), now)).toEqual({
      health: 'Healthy',
      message: 'no rule for this kind',
      kstatus: 'Current',
    });
  });

  it('says when it is given no object at all', () => {
    expect(explainHealth(null as unknown as LiveObject, now)).toEqual({
      health: 'Unknown',
      message: 'not an object of Kubernetes: it has no kind',
      kstatus: 'Unknown',
    });
  });

  it('never throws, whatever it is given', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void explainHealth(value as unknown as LiveObject, now)));
  });
});
