// Logging in, setting a password by a one-time link, the account, and logging in again over an open page.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, send, type LoginInfo, type Session } from "../api";
import * as cache from "../cache";
import { language, t, type Language } from "../i18n";
import { waiting } from "../report/keep";
import { complain, enter, go, say, session } from "../state";
import { Dialog, Labelled, values } from "../ui";

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function LanguageSwitch() {
  const choose = (value: Language): void => {
    language.value = value;
    document.documentElement.lang = value;
    if (session.value) send<Session>("PATCH", "/api/me", { language: value }).then(enter).catch(complain);
  };
  return (
    <div class="languages" role="group" aria-label={t("language")}>
      {(["en", "de"] as const).map((l) => (
        <button key={l} type="button" class={`quiet ${language.value === l ? "on" : ""}`} aria-pressed={language.value === l} lang={l} title={l === "en" ? "English" : "Deutsch"} onClick={() => choose(l)}>
          {l.toUpperCase()}
        </button>
      ))}
    </div>
  );
}

function LoginForm({ onDone, user }: { onDone: () => void; user?: string }) {
  const info = useSignal<LoginInfo | null>(null);
  const error = useSignal("");
  const busy = useSignal(false);
  useEffect(() => {
    get<LoginInfo>("/api/login").then((i) => (info.value = i)).catch((e) => (error.value = message(e)));
  }, []);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    busy.value = true;
    error.value = "";
    try {
      enter(await send<Session>("POST", "/api/login", values(form)));
      onDone();
    } catch (problem) {
      error.value = message(problem);
      form.querySelector<HTMLInputElement>("[name=password]")?.select();
    } finally {
      busy.value = false;
    }
  };
  const fill = (account: { username: string; password: string }): void => {
    for (const [name, value] of Object.entries(account)) {
      const field = document.querySelector<HTMLInputElement>(`form.login [name=${name}]`);
      if (field) field.value = value;
    }
    document.querySelector<HTMLButtonElement>("form.login button[type=submit]")?.focus();
  };
  return (
    <form class="login" onSubmit={(e) => void submit(e)}>
      <Labelled text={t("username")}><input name="username" required autocomplete="username" autocapitalize="off" spellcheck={false} autofocus={!user} defaultValue={user ?? ""} readOnly={Boolean(user)} /></Labelled>
      <Labelled text={t("password")}><input type="password" name="password" required autocomplete="current-password" autofocus={Boolean(user)} /></Labelled>
      <p class="form-error" role="alert">{error.value}</p>
      <button type="submit" class="primary" disabled={busy.value}>{t("login")}</button>
      {info.value?.oidc && <a class="button" href={info.value.oidc.url}>{info.value.oidc.label}</a>}
      {info.value?.setup_needed && <p class="notice">{t("setup_needed")}</p>}
      {info.value?.demo && !user && (
        <div class="demo">
          <span>{t("demo_accounts")}</span>
          {info.value.demo.map((d) => <button key={d.username} type="button" class="quiet" aria-label={t("demo_use", d.username)} onClick={() => fill(d)}>{d.username}</button>)}
        </div>
      )}
    </form>
  );
}

function Gate({ children }: { children: preact.ComponentChildren }) {
  return (
    <main class="gate">
      <div class="gate-box">
        <p class="brand"><img src="/static/favicon.svg" alt="" width="40" height="40" /><span>wetread</span></p>
        {children}
      </div>
      <LanguageSwitch />
    </main>
  );
}

export function LoginPage() {
  return (
    <Gate>
      <h1>{t("login_title")}</h1>
      <p class="quiet-text">{t("login_lead")}</p>
      <LoginForm onDone={() => location.hash.length < 3 && go("worklist")} />
    </Gate>
  );
}

/** Over an open page whose session ended: the page and its text stay where they are. */
export function ReloginDialog() {
  return (
    <Dialog title={t("login")} onClose={() => undefined} fixed>
      <p>{t("session_over")}</p>
      <LoginForm user={session.value?.user.username ?? ""} onDone={() => window.dispatchEvent(new Event("online"))} />
    </Dialog>
  );
}

export function SetupPage({ token }: { token: string }) {
  const who = useSignal<{ username: string; name: string; purpose: "first" | "reset" } | null>(null);
  const error = useSignal("");
  useEffect(() => {
    get<NonNullable<typeof who.value>>(`/api/setup/${encodeURIComponent(token)}`).then((w) => (who.value = w)).catch(() => (error.value = t("link_used")));
  }, [token]);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = values(event.currentTarget as HTMLFormElement);
    if (data.password !== data.again) return void (error.value = t("not_equal"));
    try {
      enter(await send<Session>("POST", "/api/setup", { token, password: data.password, name: data.name || undefined, also_reads: data.also_reads === "on" || undefined }));
      go("worklist");
    } catch (problem) {
      error.value = message(problem);
    }
  };
  return (
    <Gate>
      <h1>{t("set_password")}</h1>
      {who.value && (
        <form class="login" onSubmit={(e) => void submit(e)}>
          <Labelled text={t("username")}><input name="user" autocomplete="username" readOnly value={who.value.username} /></Labelled>
          <Labelled text={t("full_name")}><input name="name" autocomplete="name" required defaultValue={who.value.name} maxLength={120} /></Labelled>
          <Labelled text={t("new_password")}><input type="password" name="password" required minLength={10} autocomplete="new-password" autofocus /></Labelled>
          <Labelled text={t("repeat_password")}><input type="password" name="again" required minLength={10} autocomplete="new-password" /></Labelled>
          {who.value.purpose === "first" && <label class="choice"><input type="checkbox" name="also_reads" />{t("also_reads")}</label>}
          <p class="form-error" role="alert">{error.value}</p>
          <button type="submit" class="primary">{t("save")}</button>
        </form>
      )}
      {!who.value && <p class="form-error" role="alert">{error.value}</p>}
    </Gate>
  );
}

export function AccountDialog({ onClose }: { onClose: () => void }) {
  const error = useSignal("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = values(event.currentTarget as HTMLFormElement);
    if (data.new !== data.again) return void (error.value = t("not_equal"));
    try {
      await send("POST", "/api/me/password", { old: data.old, new: data.new });
      say(t("password_changed"));
      onClose();
    } catch (problem) {
      error.value = message(problem);
    }
  };
  return (
    <Dialog title={t("account")} onClose={onClose}>
      <p>{session.value?.user.name} ({session.value?.user.username})</p>
      <form onSubmit={(e) => void submit(e)}>
        <Labelled text={t("old_password")}><input type="password" name="old" required autocomplete="current-password" data-first /></Labelled>
        <Labelled text={t("new_password")}><input type="password" name="new" required minLength={10} autocomplete="new-password" /></Labelled>
        <Labelled text={t("repeat_password")}><input type="password" name="again" required minLength={10} autocomplete="new-password" /></Labelled>
        <p class="form-error" role="alert">{error.value}</p>
        <footer><button type="submit" class="primary">{t("change_password")}</button></footer>
      </form>
    </Dialog>
  );
}

export async function logout(): Promise<void> {
  const user = session.value?.user.id ?? "";
  if (waiting(user).length > 0 && !window.confirm(t("unsaved_logout"))) return;
  cache.forget();
  try {
    await send("POST", "/api/logout");
  } catch (error) {
    return complain(error);
  }
  sessionStorage.removeItem("wetread:filter");
  session.value = null;
  go();
}
