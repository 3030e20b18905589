// What was measured, asked for again and again while it is looked at.

import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { ask, me, reason } from "./api";
import { Command } from "./parts";
import type { Chart, ChartProps } from "./plot";

const EVERY_MS = 5000;
const chart = signal<typeof Chart | null>(null);

/** What the server answers, kept up to date; text says why there is nothing, null that it is still on its way. */
export function useMeasured<T>(path: string): T | string | null {
  const found = useSignal<{ path: string; answer: T | string } | null>(null);
  const known = me.value?.measured ?? false;
  useEffect(() => {
    if (!known || !path) return;
    let asked = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      let answer: T | string;
      try {
        answer = await ask<T>(path);
      } catch (error) {
        answer = reason(error);
      }
      if (!asked) return;
      found.value = { path, answer };
      // Nobody looks at a page in the background.
      timer = setTimeout(() => (document.hidden ? addEventListener("visibilitychange", look, { once: true }) : void look()), EVERY_MS);
    };
    void look();
    return () => {
      asked = false;
      clearTimeout(timer);
      removeEventListener("visibilitychange", look);
    };
  }, [path, known]);
  return found.value?.path === path ? found.value.answer : null;
}

/** Where nothing can be drawn: what it would take. */
export function Unmeasured({ what }: { what: string }) {
  return (
    <div class="said">
      <p>{what} is drawn from a store of measurements, and this dashboard was started without one.</p>
      <Command>kubewright dashboard --prometheus http://prometheus:9090</Command>
    </div>
  );
}

/** A part that is drawn of an answer: with the words for no store, none yet, and none at all. */
export function OfAnswer<T extends { missing?: string }>(props: { what: string; answer: T | string | null; children: (answer: T) => ComponentChildren }) {
  const { what, answer } = props;
  if (!me.value?.measured) return <Unmeasured what={what} />;
  if (answer === null) return <p class="muted">Asking the store …</p>;
  const missing = typeof answer === "string" ? answer : answer.missing;
  if (missing || typeof answer === "string") return <div class="said">{what}: {missing}</div>;
  return <>{props.children(answer)}</>;
}

export function Charted(props: ChartProps) {
  useEffect(() => {
    void import("./plot").then((fetched) => (chart.value = fetched.Chart));
  }, []);
  const Drawn = chart.value;
  return Drawn ? <Drawn {...props} /> : <div class="chart" style={{ height: `${props.height ?? 160}px` }} />;
}
