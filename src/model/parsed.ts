/** A refusal that a person can act on. `at` is the place to open: a file with its line, a field's path, an object. */
export type Problem = { readonly at: string; readonly message: string };

export type Accepted<T> = { readonly ok: true; readonly value: T };
export type Parsed<T> = Accepted<T> | { readonly ok: false; readonly problems: readonly Problem[] };

export const accepted = <T>(value: T): Accepted<T> => ({ ok: true, value });
export const refused = (...problems: readonly Problem[]): Parsed<never> => ({ ok: false, problems });

export function describeProblems(problems: readonly Problem[]): string {
  return problems.map(({ at, message }) => `${at}: ${message}`).join('\n');
}
