import { useSignal } from "@preact/signals";
import { ask, Refused, useAnswer, whoami } from "./api";
import { Sign } from "./parts";

/** How people may sign in here. */
interface Ways {
  tokens: boolean;
  issuer: string;
}

export function SignIn({ said }: { said: string }) {
  const token = useSignal("");
  const problem = useSignal(said);
  const ways = useAnswer<Ways>("/api/ways");
  const issuer = ways && typeof ways !== "string" ? ways.issuer : "";
  const enter = async (event: Event) => {
    event.preventDefault();
    try {
      await ask("/api/session", "POST", { token: token.value });
      token.value = "";
      await whoami();
    } catch (error) {
      problem.value = error instanceof Refused ? error.message : "The dashboard does not answer.";
    }
  };
  return (
    <main class="gate">
      <form onSubmit={enter}>
        <div class="brand"><Sign /><span>kubewright</span></div>
        <div>
          <h1>Sign in</h1>
          <p class="muted">With a token of this cluster. You see and do what your own account may, and no more.</p>
        </div>
        {issuer && <a class="button main-one" href="/api/login">Sign in at {issuer}</a>}
        {issuer && <p class="muted">Or with a token:</p>}
        <label>
          Token
          <input class="field" type="password" autoComplete="off" required value={token.value} onInput={(event) => (token.value = event.currentTarget.value)} />
        </label>
        {problem.value && <div class="said ill" role="alert">{problem.value}</div>}
        <button class={issuer ? "button" : "button main-one"} type="submit">Sign in</button>
        <p class="muted">A token for an hour: <span class="mono">kubectl create token ACCOUNT</span></p>
      </form>
    </main>
  );
}
