// Amounts, times and colours as they are shown.

const UNITS = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];

export function isBytes(resource: string): boolean {
  return resource === "memory" || resource.endsWith("storage") || resource.startsWith("hugepages-");
}

export function amount(resource: string, value: number): string {
  if (resource === "cpu") return `${trim(value / 1000)}`;
  if (!isBytes(resource)) return `${value}`;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${trim(value)}${UNITS[unit]}`;
}

/** A number that was measured, with as many digits as say something. */
export function figure(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim(value / 1e9)}G`;
  if (size >= 1e6) return `${trim(value / 1e6)}M`;
  if (size >= 1e4) return `${trim(value / 1e3)}k`;
  if (size >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(2)));
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
}

export function percent(part: number, whole: number): string {
  return whole ? `${Math.round((100 * part) / whole)} %` : "–";
}

export function resourceName(resource: string): string {
  const known: Record<string, string> = { cpu: "CPU", memory: "Memory", pods: "Pods", "nvidia.com/gpu": "GPU" };
  return known[resource] ?? resource.replace(/^.*\//, "");
}

export function ago(seconds: number | undefined): string {
  if (!seconds) return "–";
  return span(Date.now() / 1000 - seconds);
}

export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole}s`;
  if (whole < 7200) return `${Math.floor(whole / 60)}m`;
  if (whole < 172800) return `${Math.floor(whole / 3600)}h`;
  return `${Math.floor(whole / 86400)}d`;
}

export function moment(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString(undefined, { hour12: false });
}
