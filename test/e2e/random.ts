/** Numbers from 0 up to 1 that follow from the seed (mulberry32): a run that failed can be had again. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** From SLUICE_TEST_SEED, or a new one; said either way. */
export function sayRandom(): () => number {
  const seed = Number(process.env.SLUICE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
  process.stderr.write(`seed: SLUICE_TEST_SEED=${seed}\n`);
  return randomFrom(seed);
}
