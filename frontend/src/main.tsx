// The reading room's pages: who is here, where are we, and what stands around every page.

import { effect, useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import "./app.css";
import { whenStranger } from "./api";
import { language, t, type TextKey } from "./i18n";
import { KEYS } from "./keys";
import { AdminPage } from "./pages/admin";
import { AccountDialog, LanguageSwitch, LoginPage, logout, ReloginDialog, SetupPage } from "./pages/login";
import { ReaderCasePage, ReaderStudiesPage } from "./pages/readerstudy";
import { ReadingPage } from "./pages/reading";
import { StatisticsPage } from "./pages/statistics";
import { WorklistPage } from "./pages/worklist";
import { complain, go, helpOpen, may, online, readRoute, resume, route, session, stranger } from "./state";
import { claimName } from "./tabs";
import { Dialog, Toasts } from "./ui";

function Help() {
  const part = (title: TextKey, keys: readonly (readonly [string, string])[]) => (
    <section>
      <h3>{t(title)}</h3>
      <dl class="keys">
        {keys.map(([key, text]) => (
          <div key={text}><dt>{key.split("  ").filter(Boolean).map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{t(text as TextKey)}</dd></div>
        ))}
      </dl>
    </section>
  );
  return (
    <Dialog title={t("keys_title")} onClose={() => (helpOpen.value = false)} wide>
      <p class="quiet-text">{t("keys_lead")}</p>
      <div class="columns keys-columns">
        <div>{part("keys_viewer", KEYS.viewer)}</div>
        <div>{part("keys_report", KEYS.report)}</div>
        <div>{part("keys_list", KEYS.list)}{part("keys_everywhere", KEYS.everywhere)}</div>
      </div>
    </Dialog>
  );
}

function Shell({ children }: { children: preact.ComponentChildren }) {
  const account = useSignal(false);
  const here = route.value[0] ?? "worklist";
  const link = (to: string, text: TextKey) => <a href={`#/${to}`} class={here === to ? "on" : ""} aria-current={here === to ? "page" : undefined}>{t(text)}</a>;
  return (
    <>
      <header class="shell">
        <a class="brand" href="#/worklist"><img src="/static/favicon.svg" alt="" width="24" height="24" /><span>wetread</span></a>
        <nav aria-label={t("main_navigation")}>
          {link("worklist", "worklist")}{link("statistics", "statistics")}{link("reader-studies", "reader_studies")}{may("administrator") && link("admin", "administration")}
        </nav>
        <span class="grow" />
        <LanguageSwitch />
        <button type="button" class="quiet" onClick={() => (helpOpen.value = true)}>{t("help")}<kbd>?</kbd></button>
        <button type="button" class="quiet" onClick={() => (account.value = true)}>{session.value?.user.name}</button>
        <button type="button" class="quiet" onClick={() => void logout()}>{t("log_out")}</button>
      </header>
      {children}
      {account.value && <AccountDialog onClose={() => (account.value = false)} />}
    </>
  );
}

function Page() {
  const [name, id] = route.value;
  if (name === "setup" && id) return <SetupPage token={id} />;
  if (!session.value) return <LoginPage />;
  if (name === "read" && id) return <ReadingPage id={id} />;
  if (name === "reader-study" && id) return <ReaderCasePage key={id} id={id} />;
  return (
    <Shell>
      {name === "statistics" ? <StatisticsPage /> : name === "reader-studies" ? <ReaderStudiesPage /> : name === "admin" && may("administrator") ? <AdminPage /> : <WorklistPage />}
    </Shell>
  );
}

function App() {
  const ready = useSignal(false);
  useEffect(() => {
    whenStranger(() => {
      if (session.value) stranger.value = true;
    });
    resume().catch(complain).finally(() => (ready.value = true));
  }, []);
  if (!ready.value) return <main class="gate"><p role="status" class="quiet-text">{t("loading")}</p></main>;
  return (
    <>
      {!online.value && session.value && <p class="offline-line" role="status">{t("offline")}</p>}
      <Page />
      <footer class="research">{t("notice")}</footer>
      <Toasts />
      {helpOpen.value && <Help />}
      {stranger.value && session.value && <ReloginDialog />}
    </>
  );
}

window.addEventListener("hashchange", readRoute);
// A film dropped beside its target must not replace the page.
window.addEventListener("dragover", (event) => event.preventDefault());
window.addEventListener("drop", (event) => event.preventDefault());
readRoute();
if (navigator.language.startsWith("de")) language.value = "de";
effect(() => {
  document.documentElement.lang = language.value;
});
if (location.hash.length < 3) go("worklist");
void claimName().finally(() => render(<App />, document.getElementById("app")!));
