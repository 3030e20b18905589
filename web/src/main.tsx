import { signal, useSignal, useSignalEffect } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { absent, ask, connected, follow, me, refused, Refused, rowsOf, whoami } from "./api";
import { Palette } from "./palette";
import { Command, Empty, Sign } from "./parts";
import { go, link, place } from "./route";
import type { IncidentRow } from "./rows";
import { SCREENS } from "./screens";
import { Applications } from "./screens/applications";
import { Audit } from "./screens/audit";
import { Fleet } from "./screens/fleet";
import { Incidents } from "./screens/incidents";
import { Queue } from "./screens/queue";
import { Scaling } from "./screens/scaling";
import { Teams } from "./screens/teams";
import { WhatIf } from "./screens/whatif";
import { SignIn } from "./signin";
import "./style.css";
import { theme, turnTheme } from "./theme";

const shown = { fleet: Fleet, apps: Applications, queue: Queue, incidents: Incidents, scaling: Scaling, teams: Teams, whatif: WhatIf, audit: Audit };
const notice = signal("");
/** Followed on every screen: what is wrong shows in the menu. */
const ALWAYS = ["incidents"];

function App() {
  if (me.value === undefined) return null;
  if (me.value === null) return <SignIn said={notice.value} />;
  return <Shell />;
}

function Shell() {
  const palette = useSignal(false);
  const { screen, object } = place.value;
  const known = SCREENS.find((each) => each.name === screen);
  useSignalEffect(() => {
    const here = followScreen();
    document.title = `${here?.title ?? "kubewright"} · kubewright`;
  });
  useEffect(() => {
    let goes = 0;
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        palette.value = !palette.value;
      } else if (!typing && !event.metaKey && !event.ctrlKey && !event.altKey) {
        if (event.key === "/") {
          event.preventDefault();
          document.querySelector<HTMLInputElement>("[data-find]")?.focus();
        } else if (event.key === "g") goes = Date.now();
        else if (event.key === "t") turnTheme();
        else if (Date.now() - goes < 1500) {
          const wanted = SCREENS.find((each) => each.key === event.key);
          if (wanted) go(wanted.name);
        }
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  const Shown = shown[screen as keyof typeof shown];
  const first = known?.topics[0] ?? "";
  const lacking = absent.value.has(first) && !rowsOf(first).value.all.size;
  const blind = known && known.topics.every((each) => refused.value.has(each));
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        To the content
      </a>
      <aside class="side">
        <div class="brand"><Sign /><span>kubewright</span></div>
        <nav aria-label="Screens">
          {SCREENS.map((each) => (
            <a key={each.name} href={link(each.name)} aria-current={each.name === screen ? "page" : undefined} title={`${each.title} (g ${each.key})`}>
              <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true"><path d={each.sign} /></svg>
              <span>{each.title}</span>
              {each.name === "incidents" && <Count />}
            </a>
          ))}
        </nav>
        <Who open={() => (palette.value = true)} />
      </aside>
      <main class="main" id="main" tabIndex={-1}>
        {me.value?.problems.map((each) => <div class="said ill" key={each}>{each}</div>)}
        {blind ? (
          <Empty title="Your account may not see this">Ask who gives roles in this cluster for the right to list it.</Empty>
        ) : lacking ? (
          <Empty title="This cluster does not have the kind yet"><Command>kubewright install</Command></Empty>
        ) : Shown ? (
          <Shown object={object} />
        ) : (
          <Empty title="There is no such screen"><a href={link("fleet")}>To the fleet</a></Empty>
        )}
      </main>
      {palette.value && <Palette close={() => (palette.value = false)} />}
    </div>
  );
}

function Count() {
  const open = [...rowsOf<IncidentRow>("incidents").value.all.values()].filter((row) => row.phase !== "Resolved").length;
  return open ? <span class="count">{open}<span class="hidden"> open</span></span> : null;
}

function Who({ open }: { open: () => void }) {
  const leave = async () => {
    await ask("/api/session", "DELETE");
    follow([]);
    me.value = null;
  };
  return (
    <div class="who">
      <div class="row"><button type="button" class="button plain" onClick={open}>Go to …</button><kbd>Ctrl K</kbd></div>
      <div class="row">
        <span class={`badge ${connected.value ? "well" : "coming"}`}>{connected.value ? "live" : "connecting"}</span>
        <button type="button" class="button plain" onClick={turnTheme} aria-label="Light or dark">{theme.value === "dark" ? "Light" : "Dark"}</button>
      </div>
      <div class="row">
        <span class="cut" title={`${me.value?.name} on ${me.value?.cluster}`}>{me.value?.name}</span>
        <button type="button" class="button plain" onClick={leave}>Sign out</button>
      </div>
      {me.value?.readOnly && <span class="muted">Read-only</span>}
    </div>
  );
}

function followScreen() {
  const here = SCREENS.find((each) => each.name === place.value.screen);
  follow([...new Set([...(here?.topics ?? []), ...ALWAYS])]);
  return here;
}

/** The link that the command prints has a key behind its #, which is never sent with a request for a page. */
async function begin(): Promise<void> {
  const key = /^#key=(.+)$/.exec(location.hash)?.[1];
  if (key) {
    history.replaceState(null, "", "/#/fleet");
    place.value = { screen: "fleet", object: "" };
    try {
      await ask("/api/session", "POST", { key });
    } catch (error) {
      notice.value = error instanceof Refused ? error.message : "";
    }
  }
  // Rows come while it is asked whose they are: one way there and back less until something is seen.
  followScreen();
  await whoami();
  if (me.value === null) follow([]);
}

const root = document.getElementById("root");
if (root) render(<App />, root);
void begin();
