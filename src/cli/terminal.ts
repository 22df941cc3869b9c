import type { Answer } from './answer.ts';

/** What a command may use of the process around it. */
export type Terminal = {
  /** Absolute. */
  readonly folder: string;
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of standard output: the answer. */
  print(text: string): void;
  /** Of standard error: everything that is said about the answer. */
  note(text: string): void;
  readStandardInput(): Promise<Uint8Array>;
  /** Asks the person at standard input and answers their line, trimmed; undefined where nobody is there. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
  /** Whether standard output is a screen, where no secret may appear. */
  readonly showsOnScreen: boolean;
  now(): Date;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
};

/** `differs` has the number that kubectl diff has for it, and `failed` says no more than that the answer is no. */
export const exitCodes = { done: 0, differs: 1, failed: 1, refused: 2, outside: 3, bug: 70, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** One command's work: its exit code, or why it was refused. May throw PortError. */
export type Work<Arguments extends readonly unknown[]> = (terminal: Terminal, ...given: Arguments) => Promise<Answer<ExitCode>>;

/** Runs a command's work and keeps what becomes of it. */
export type Run = (work: (terminal: Terminal) => Promise<Answer<ExitCode>>) => Promise<void>;
