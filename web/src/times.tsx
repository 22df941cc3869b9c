import { useEffect, useState } from 'react';

/** The time, told anew every second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const ticking = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(ticking);
  }, []);
  return now;
}

/** 42 s, 5 min, 3 h, 12 d. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 120 * 60) return `${Math.floor(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

export function Ago({ time }: { readonly time: string | undefined }) {
  const now = useNow();
  if (time === undefined) return null;
  return (
    <time dateTime={time} title={new Date(time).toLocaleString()}>
      {durationText(now - Date.parse(time))} ago
    </time>
  );
}
