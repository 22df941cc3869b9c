/** Argo CD's words, best first. Missing: it should exist and does not. */
export type HealthWord = 'Healthy' | 'Suspended' | 'Progressing' | 'Missing' | 'Degraded' | 'Unknown';

/** `message` says why in one sentence, naming the object, container or condition that decides; empty when Healthy needs no words. */
export type Health = { readonly health: HealthWord; readonly message: string };

const ranks: Readonly<Record<HealthWord, number>> = { Healthy: 0, Suspended: 1, Progressing: 2, Missing: 3, Degraded: 4, Unknown: 5 };

/** How bad a word is: 0 for Healthy, up to 5 for Unknown. */
export const healthRank = (word: HealthWord): number => ranks[word];

/** Nothing more will happen by itself, and nothing is wrong. Suspended counts: a paused object would hold up everything behind it. */
export const settled = ({ health }: Health): boolean => health === 'Healthy' || health === 'Suspended';

export const healthy: Health = { health: 'Healthy', message: '' };
export const suspended = (message: string): Health => ({ health: 'Suspended', message });
export const progressing = (message: string): Health => ({ health: 'Progressing', message });
export const degraded = (message: string): Health => ({ health: 'Degraded', message });
export const unknownHealth = (message: string): Health => ({ health: 'Unknown', message });
