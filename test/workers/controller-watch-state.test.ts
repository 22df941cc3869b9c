import { describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import { closed, lost, noWatches, opened, synced, type WatchState, watchView } from '../../src/workers/watch-state.ts';

const away = new PortError('destination', 'UNREACHABLE', 'Cluster shop/staging: nobody answers', { cause: undefined });

type Step = readonly ['open' | 'sync' | 'relist' | 'lose' | 'close', string, number];

function after(...steps: readonly Step[]): WatchState {
  return steps.reduce<WatchState>((state, [what, key, atMs]) => {
    switch (what) {
      case 'open':
        return opened(state, key, atMs);
      case 'sync':
        return synced(state, key, { relisted: false }, atMs);
      case 'relist':
        return synced(state, key, { relisted: true }, atMs);
      case 'lose':
        return lost(state, key, away, atMs);
      case 'close':
        return closed(state, key, atMs);
      default:
        return what satisfies never;
    }
  }, noWatches);
}

const standing: readonly Step[] = [
  ['open', 'parents', 0],
  ['open', 'Deployment', 100],
  ['relist', 'parents', 200],
  ['relist', 'Deployment', 300],
];

describe('the watches of a Cluster', () => {
  it.each<[string, readonly Step[], number, unknown]>([
    ['are opening while there is none', [], 0, { is: 'opening' }],
    ['are opening until the last of the first ones is synced', standing.slice(0, 3), 250, { is: 'opening' }],
    ['are synced since the last of the first ones was', standing, 1000, { is: 'synced', sinceMs: 300 }],
    [
      'are lost at once when they never came up',
      [
        ['open', 'parents', 0],
        ['lose', 'parents', 10],
      ],
      20,
      { is: 'lost', error: away },
    ],
    [
      'have no gap when a stream goes on within a moment',
      [...standing, ['lose', 'parents', 1000], ['sync', 'parents', 3000]],
      9000,
      { is: 'synced', sinceMs: 300 },
    ],
    ['have no gap as long as the trouble is short', [...standing, ['lose', 'parents', 1000]], 5900, { is: 'synced', sinceMs: 300 }],
    ['are lost when the trouble lasts', [...standing, ['lose', 'parents', 1000]], 6100, { is: 'lost', error: away }],
    ['begin anew after a trouble that lasted', [...standing, ['lose', 'parents', 1000], ['sync', 'parents', 8000]], 9000, { is: 'synced', sinceMs: 8000 }],
    [
      'begin anew after a new LIST, however short the trouble',
      [...standing, ['lose', 'parents', 1000], ['relist', 'parents', 1500]],
      9000,
      { is: 'synced', sinceMs: 1500 },
    ],
    ['begin anew after a LIST that no loss announced', [...standing, ['relist', 'parents', 1500]], 9000, { is: 'synced', sinceMs: 1500 }],
    ['keep the moment of the first loss', [...standing, ['lose', 'parents', 1000], ['lose', 'parents', 5000]], 6100, { is: 'lost', error: away }],
    ['do not wait for a new kind for a moment', [...standing, ['open', 'Service', 2000]], 3000, { is: 'synced', sinceMs: 300 }],
    [
      'have no gap by a new kind that is listed within a moment',
      [...standing, ['open', 'Service', 2000], ['relist', 'Service', 2500]],
      9000,
      { is: 'synced', sinceMs: 300 },
    ],
    ['wait for a new kind that takes long', [...standing, ['open', 'Service', 2000]], 7100, { is: 'opening' }],
    ['begin anew with a new kind that took long', [...standing, ['open', 'Service', 2000], ['relist', 'Service', 8000]], 9000, { is: 'synced', sinceMs: 8000 }],
    [
      'forget a kind that is closed',
      [...standing, ['open', 'Service', 2000], ['relist', 'Service', 2500], ['close', 'Service', 3000]],
      9000,
      { is: 'synced', sinceMs: 300 },
    ],
    [
      'do not forget the gap of a kind that is closed',
      [...standing, ['lose', 'Deployment', 2000], ['close', 'Deployment', 9000]],
      10_000,
      { is: 'synced', sinceMs: 9000 },
    ],
    [
      'hear nothing of a watch that was closed',
      [...standing, ['open', 'Service', 2000], ['close', 'Service', 2100], ['lose', 'Service', 2200], ['relist', 'Service', 2300]],
      20_000,
      { is: 'synced', sinceMs: 300 },
    ],
  ])('%s', (_, steps, atMs, expected) => {
    expect(watchView(after(...steps), atMs)).toEqual(expected);
  });
});
