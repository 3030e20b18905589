// The parts that screens are made of.

import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { ask, me, reason } from "./api";

export type Tone = "well" | "coming" | "ill" | "";

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** The sign of public/icon.svg, which browsers fetch for the tab. */
export function Sign() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#3457d5" />
      <g fill="#fff">
        <rect x="7" y="7" width="8" height="8" rx="2" />
        <rect x="17" y="7" width="8" height="8" rx="2" opacity=".55" />
        <rect x="7" y="17" width="8" height="8" rx="2" opacity=".55" />
        <rect x="17" y="17" width="8" height="8" rx="2" />
      </g>
    </svg>
  );
}

export function Tile({ name, value, children }: { name: string; value: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="tile">
      <h3>{name}</h3>
      <strong>{value}</strong>
      <small>{children}</small>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      <span>{children}</span>
    </div>
  );
}

/** What narrows a list down by text; the key / goes there. */
export function Filter({ text, of, by }: { text: Signal<string>; of: string; by: string }) {
  return (
    <input
      class="field"
      type="search"
      data-find
      placeholder={`Filter by ${by}`}
      aria-label={`Filter ${of}`}
      value={text.value}
      onInput={(event) => (text.value = event.currentTarget.value)}
    />
  );
}

/** Buttons side by side, one of which is pressed. */
export function Segments<T>({ label, chosen, of }: { label: string; chosen: Signal<T>; of: readonly (readonly [T, string])[] }) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {of.map(([value, title]) => (
        <button type="button" key={String(value)} aria-pressed={chosen.value === value} onClick={() => (chosen.value = value)}>
          {title}
        </button>
      ))}
    </div>
  );
}

export function Meter({ share, label, quiet }: { share: number; label: string; quiet?: boolean }) {
  const width = `${Math.min(100, Math.round(share * 100))}%`;
  return (
    <div class={quiet ? "meter quiet" : "meter"} role="img" aria-label={label}>
      <i style={{ width }} />
    </div>
  );
}

export function Command({ children }: { children: string }) {
  const copied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(children);
    copied.value = true;
    setTimeout(() => (copied.value = false), 1500);
  };
  return (
    <div class="command">
      <code>{children}</code>
      <button type="button" class="button plain" onClick={copy} aria-label={`Copy: ${children}`}>
        {copied.value ? "Copied" : "Copy"}
      </button>
    </div>
  );
}

/** A button that does something to an object, as the person who presses it, and says how that came out. */
export function Action(props: { action: string; name: string; namespace?: string; plan?: string; children: ComponentChildren }) {
  const said = useSignal<{ text: string; tone: Tone } | null>(null);
  const busy = useSignal(false);
  const act = async () => {
    busy.value = true;
    try {
      const { action, name, namespace = "", plan = "" } = props;
      const done = await ask<{ command: string }>(`/api/actions/${action}`, "POST", { name, namespace, plan });
      said.value = { text: `Done. The same by hand: ${done.command}`, tone: "well" };
    } catch (error) {
      said.value = { text: reason(error), tone: "ill" };
    }
    busy.value = false;
  };
  const readOnly = me.value?.readOnly;
  return (
    <>
      <button
        type="button"
        class="button"
        disabled={busy.value || readOnly}
        title={readOnly ? "This dashboard is read-only" : undefined}
        onClick={act}
      >
        {props.children}
      </button>
      {said.value && (
        <div class={`said ${said.value.tone}`} role="status">
          {said.value.text}
        </div>
      )}
    </>
  );
}

export function Drawer({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  // Before it is painted: whoever sees it may close it at once.
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    box.current?.focus();
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && close();
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("keydown", onKey);
      before?.focus?.();
    };
  }, [title]);
  return (
    <div class="drawer" role="dialog" aria-label={title} tabIndex={-1} ref={box}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="button plain" onClick={close}>
          Close <kbd>Esc</kbd>
        </button>
      </header>
      <div class="body">{children}</div>
    </div>
  );
}

export interface Column<T> {
  title: string;
  width: string;
  number?: boolean;
  cell: (row: T) => ComponentChildren;
  order?: (a: T, b: T) => number;
}

const LINE = 40;
const BESIDE = 8;

/** A table of any length: only the lines in sight are in the document. Arrows move, Enter opens. */
export function Table<T extends { id: string }>(props: {
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  chosen?: string | undefined;
  choose?: (row: T) => void;
  height?: number;
}) {
  const { rows, columns, choose } = props;
  const top = useSignal(0);
  const at = useSignal(-1);
  const by = useSignal<{ column: number; down: boolean } | null>(null);
  const height = useSignal(props.height ?? 480);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const fit = () => {
      const from = box.current?.getBoundingClientRect().top ?? 0;
      height.value = props.height ?? Math.max(240, innerHeight - from - 56);
    };
    fit();
    addEventListener("resize", fit);
    return () => removeEventListener("resize", fit);
  }, [props.height]);
  const order = by.value && columns[by.value.column]?.order;
  const sorted = order ? rows.toSorted((a, b) => (by.value?.down ? -1 : 1) * order(a, b)) : rows;
  const first = Math.max(0, Math.floor(top.value / LINE) - BESIDE);
  const last = Math.min(sorted.length, Math.ceil((top.value + height.value) / LINE) + BESIDE);
  const template = { gridTemplateColumns: columns.map((each) => each.width).join(" ") };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step) {
      event.preventDefault();
      at.value = Math.max(0, Math.min(sorted.length - 1, at.value + step));
      const line = at.value * LINE;
      const view = box.current;
      if (view && line < view.scrollTop) view.scrollTop = line;
      if (view && line + LINE > view.scrollTop + view.clientHeight) view.scrollTop = line + LINE - view.clientHeight;
    }
    const row = sorted[at.value];
    if (event.key === "Enter" && row) choose?.(row);
  };
  const sort = (column: number) => {
    by.value = { column, down: by.value?.column === column && !by.value.down };
  };
  return (
    <div class="table" role="grid" aria-label={props.label} aria-rowcount={rows.length + 1}>
      <div class="line titles" role="row" style={template}>
        {columns.map((each, index) => (
          <div
            key={each.title}
            role="columnheader"
            class={each.number ? "num" : "cut"}
            aria-sort={by.value?.column === index ? (by.value.down ? "descending" : "ascending") : "none"}
          >
            {each.order ? (
              <button type="button" onClick={() => sort(index)}>
                {each.title}
                {by.value?.column === index ? (by.value.down ? " ↓" : " ↑") : ""}
              </button>
            ) : (
              each.title
            )}
          </div>
        ))}
      </div>
      <div
        class="rows"
        role="rowgroup"
        ref={box}
        tabIndex={0}
        aria-label={`${props.label}: arrow keys move, Enter opens`}
        style={{ height: `${Math.min(height.value, Math.max(1, sorted.length) * LINE)}px` }}
        onScroll={(event) => (top.value = event.currentTarget.scrollTop)}
        onKeyDown={onKey}
      >
        <div role="presentation" style={{ height: `${sorted.length * LINE}px` }} />
        {sorted.slice(first, last).map((row, index) => (
          <div
            key={row.id}
            class="line"
            role="row"
            aria-rowindex={first + index + 2}
            aria-selected={row.id === props.chosen || first + index === at.value}
            style={{ ...template, top: `${(first + index) * LINE}px` }}
            onClick={() => choose?.(row)}
          >
            {columns.map((each) => (
              <div key={each.title} role="gridcell" class={each.number ? "num" : "cut"}>
                {each.cell(row)}
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

export const byText =
  <T,>(of: (row: T) => string | undefined) =>
  (a: T, b: T) =>
    (of(a) ?? "").localeCompare(of(b) ?? "", undefined, { numeric: true });

export const byNumber =
  <T,>(of: (row: T) => number | undefined) =>
  (a: T, b: T) =>
    (of(a) ?? 0) - (of(b) ?? 0);
