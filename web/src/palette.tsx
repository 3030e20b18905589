// Everything by its name: ⌘K or Ctrl-K, or /.

import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { rowsOf } from "./api";
import { go } from "./route";
import { SCREENS } from "./screens";

const MOST = 40;

interface Found {
  text: string;
  kind: string;
  screen: string;
  object: string;
}

export function Palette({ close }: { close: () => void }) {
  const text = useSignal("");
  const at = useSignal(0);
  const input = useRef<HTMLInputElement>(null);
  // Before it is painted: whoever opened it may type at once.
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    input.current?.focus();
    return () => before?.focus?.();
  }, []);
  const found = useComputed(() => {
    const wanted = text.value.toLowerCase();
    const all: Found[] = SCREENS.map((each) => ({ text: each.title, kind: "Screen", screen: each.name, object: "" }));
    const kinds = { fleet: "Node", apps: "Application", incidents: "Incident" };
    for (const [topic, kind] of Object.entries(kinds)) {
      if (!wanted) continue;
      for (const id of rowsOf(topic).value.all.keys()) {
        if (id.toLowerCase().includes(wanted)) all.push({ text: id, kind, screen: topic, object: id });
        if (all.length > 400) break;
      }
    }
    return all.filter((each) => each.text.toLowerCase().includes(wanted)).slice(0, MOST);
  });
  const choose = (each: Found | undefined) => {
    if (each) go(each.screen, each.object);
    close();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      at.value = Math.max(0, Math.min(found.value.length - 1, at.value + step));
    }
    if (event.key === "Enter") choose(found.value[at.value]);
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  };
  return (
    <div class="palette" onClick={(event) => event.target === event.currentTarget && close()}>
      <div class="box" role="dialog" aria-label="Go to">
        <input
          ref={input}
          role="combobox"
          aria-expanded="true"
          aria-controls="found"
          aria-activedescendant={`found-${at.value}`}
          aria-label="Go to a screen, node, application or incident"
          placeholder="Go to a screen, node, application or incident"
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            at.value = 0;
          }}
          onKeyDown={onKey}
        />
        <ul id="found" role="listbox" aria-label="Found">
          {found.value.map((each, index) => (
            <li key={`${each.kind}${each.text}`} id={`found-${index}`} role="option" aria-selected={index === at.value} onClick={() => choose(each)}>
              <span class="cut">{each.text}</span>
              <span class="muted">{each.kind}</span>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
