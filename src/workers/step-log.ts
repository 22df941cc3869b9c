/** The part of a pino logger that a step uses: facts as fields, a constant message. */
export type StepLog = {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
};
