// Lines over time, drawn by uPlot: a script of its own, fetched when the first chart is opened.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { figure } from "./format";
import { colour, theme } from "./theme";

export interface Drawn {
  name: string;
  values: readonly (number | null)[];
}

export interface ChartProps {
  label: string;
  /** Seconds since 1970. */
  at: readonly number[];
  lines: readonly Drawn[];
  /** What happened, as upright lines. */
  marks?: readonly { at: number; what: string }[];
  /** What must not be exceeded, and what else is worth a level line. */
  levels?: readonly { value: number; what: string }[];
  stepped?: boolean;
  bars?: boolean;
  percent?: boolean;
  height?: number;
}

const COLOURS = ["--accent", "--coming", "--ill", "--muted"];
const DASHES = [[], [5, 4], [2, 3], [8, 3, 2, 3]];

export function Chart(props: ChartProps) {
  const { label, at, lines, marks = [], levels = [], stepped, bars, percent, height = 160 } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const beside = useRef({ marks, levels });
  beside.current = { marks, levels };
  const dark = theme.value === "dark";
  const names = lines.map((each) => each.name).join("\n");
  const data = [[...at], ...lines.map((each) => [...each.values])] as uPlot.AlignedData;
  const shown = (value: number | null | undefined) => (value == null ? "–" : percent ? `${figure(value * 100)} %` : figure(value));
  useEffect(() => {
    if (!box.current) return;
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
    const paths = bars ? uPlot.paths.bars?.({ size: [0.7, 40] }) : stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
    const top = () => Math.max(0, ...beside.current.levels.map((each) => each.value));
    plot.current = new uPlot(
      {
        width: box.current.clientWidth,
        height,
        cursor: { y: false },
        scales: {
          x: { range: (_, from, to) => (bars ? [from - 43200, to + 43200] : [Math.min(from, to - 60), to]) },
          y: { range: (_, __, most) => [0, Math.max(top() * 1.35, (most ?? 0) * 1.2, percent ? 1 : 0.001)] },
        },
        series: [
          { value: (_, value) => (value == null ? "–" : new Date(value * 1000).toLocaleTimeString(undefined, { hour12: false })) },
          ...lines.map((each, index) => ({
            label: each.name,
            stroke: colour(COLOURS[index % COLOURS.length] ?? ""),
            width: 2,
            dash: DASHES[index % DASHES.length],
            fill: index === 0 && !percent ? colour("--accent-soft") : undefined,
            spanGaps: false,
            points: { show: at.length < 3 },
            value: (_: uPlot, value: number | null) => shown(value),
            ...(paths ? { paths } : {}),
          })),
        ],
        axes: [{ ...axis, values: (_: uPlot, ticks: number[], __: number, ___: number, apart: number) => ticks.map((tick) => clock(tick, apart)) }, { ...axis, size: 46, values: (_: uPlot, ticks: number[]) => ticks.map((tick) => shown(tick)) }],
        hooks: { draw: [(drawn: uPlot) => drawBeside(drawn, beside.current.marks, beside.current.levels)] },
      } as uPlot.Options,
      data,
      box.current,
    );
    return () => plot.current?.destroy();
  }, [names, dark, height, stepped, bars, percent]);
  useEffect(() => {
    plot.current?.setData(data);
    // What is so now is told until somebody points at another moment.
    const told = requestAnimationFrame(() => {
      if (at.length && !plot.current?.cursor.event) plot.current?.setLegend({ idx: at.length - 1 });
    });
    return () => cancelAnimationFrame(told);
  }, [at, lines, marks, levels, names, dark]);
  const now = lines.map((each) => `${each.name} ${shown(each.values.findLast((value) => value != null))}`).join(", ");
  return <div class="chart" ref={box} role="img" aria-label={`${label}; at last ${now}`} />;
}

/** A moment at an axis whose ticks are so many seconds apart. */
function clock(at: number, apart: number): string {
  const date = new Date(at * 1000);
  if (apart >= 86400) return date.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  const time = date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
  return apart >= 21600 ? `${date.toLocaleDateString(undefined, { weekday: "short" })} ${time}` : time;
}

/** Draw what happened as upright lines, and bounds as level ones, each with its words. */
function drawBeside(drawn: uPlot, marks: readonly { at: number; what: string }[], levels: readonly { value: number; what: string }[]): void {
  const { ctx, bbox } = drawn;
  const dots = devicePixelRatio || 1;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${10 * dots}px sans-serif`;
  ctx.lineWidth = dots;
  ctx.setLineDash([3 * dots, 3 * dots]);
  const line = (x1: number, y1: number, x2: number, y2: number) => {
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
    ctx.stroke();
  };
  for (const { value, what } of levels) {
    const y = drawn.valToPos(value, "y", true);
    ctx.strokeStyle = colour("--ill");
    line(bbox.left, y, bbox.left + bbox.width, y);
    ctx.textAlign = "left";
    ctx.fillStyle = colour("--raised");
    ctx.fillRect(bbox.left + 2 * dots, y - 15 * dots, ctx.measureText(what).width + 6 * dots, 13 * dots);
    ctx.fillStyle = colour("--ill");
    ctx.fillText(what, bbox.left + 5 * dots, y - 5 * dots);
  }
  ctx.strokeStyle = ctx.fillStyle = colour("--muted");
  let free = Number.NEGATIVE_INFINITY;
  for (const { at, what } of marks) {
    const x = drawn.valToPos(at, "x", true);
    if (x < bbox.left) continue;
    line(x, bbox.top, x, bbox.top + bbox.height);
    const wide = ctx.measureText(what).width + 8 * dots;
    const left = Math.min(x + 4 * dots, bbox.left + bbox.width - wide);
    // Words that would stand on each other are left out; the line still stands.
    if (left < free) continue;
    ctx.textAlign = "left";
    ctx.fillText(what, left, bbox.top + 11 * dots);
    free = left + wide;
  }
  ctx.restore();
}
