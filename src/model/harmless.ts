/** One line without control characters: what comes from commits and clusters may steer neither a terminal nor a patch. */
export const harmless = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '');
