// How many pods a policy has and wants, drawn by uPlot: a script of its own, fetched when the first policy is opened.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colour, theme } from "./theme";

/** Seconds, how many there are, how many are wanted. */
export type Counts = [number[], number[], number[]];

export function Plot({ id, counts }: { id: string; counts: Counts | undefined }) {
  const box = useRef<HTMLDivElement>(null);
  const dark = theme.value === "dark";
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
    if (!box.current) return;
    plot.current = new uPlot(
      {
        width: box.current.clientWidth,
        height: 160,
        scales: { x: { range: (_, from, to) => [Math.min(from, to - 60), to] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.2)] } },
        series: [
          {},
          { label: "there are", stroke: colour("--accent"), width: 2, fill: colour("--accent-soft"), paths: uPlot.paths.stepped?.({ align: 1 }) },
          { label: "wanted", stroke: colour("--coming"), width: 2, dash: [5, 4], paths: uPlot.paths.stepped?.({ align: 1 }) },
        ],
        axes: [axis, { ...axis, size: 36, incrs: [1, 2, 5, 10, 25, 50, 100, 250, 500] }],
      } as uPlot.Options,
      counts ?? [[], [], []],
      box.current,
    );
    return () => plot.current?.destroy();
  }, [id, dark]);
  useEffect(() => {
    if (counts) plot.current?.setData(counts);
  }, [counts]);
  return <div ref={box} role="img" aria-label="Pods since this page was opened: there are, wanted" />;
}
