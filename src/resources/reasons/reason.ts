import type { Explanation } from '../../model/explanation.ts';

/**
 * How a resource stands when it gives a reason. `ready`: all is well. `reconciling`: under way. `failing`: wrong, and tried again by itself.
 * `held`: nothing is wrong and nothing will be done. `stalled`: a person has to change something.
 */
export type Standing = 'ready' | 'reconciling' | 'failing' | 'held' | 'stalled';

export type Reason = Explanation & { readonly standing: Standing };
