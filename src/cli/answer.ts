import type { Accepted, Parsed, Problem } from '../model/parsed.ts';
import type { CliError } from './errors.ts';

/** A problem with its entry in the reference. */
export type CliProblem = Problem & { readonly error: CliError };

/** What a command works with: a refusal always names its entry. */
export type Answer<T> = Accepted<T> | { readonly ok: false; readonly problems: readonly CliProblem[] };

export const refuse = (error: CliError, ...problems: readonly Problem[]): Answer<never> => ({
  ok: false,
  problems: problems.map((problem) => ({ ...problem, error })),
});

/** Names the entry of what another part has refused. */
export const refusedAs = <T>(error: CliError, parsed: Parsed<T>): Answer<T> => (parsed.ok ? parsed : refuse(error, ...parsed.problems));
