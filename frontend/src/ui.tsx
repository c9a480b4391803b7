// Small pieces that every page uses.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "./i18n";
import { hush, toasts } from "./state";

/** A modal dialog: the browser's own, which keeps the focus inside and closes at Escape. */
export function Dialog({ title, onClose, children, wide, fixed }: {
  title: string; onClose: () => void; children: ComponentChildren; wide?: boolean;
  /** Must be answered: Escape does not close it. */
  fixed?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current!;
    const before = document.activeElement as HTMLElement | null;
    element.showModal();
    element.querySelector<HTMLElement>("[autofocus], [data-first]")?.focus();
    return () => {
      element.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog} class={wide ? "wide" : ""} aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        if (!fixed) onClose();
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        {!fixed && <button type="button" class="quiet" aria-label={t("close")} onClick={onClose}>✕</button>}
      </header>
      {children}
    </dialog>
  );
}

export function Labelled({ text, children, hint }: { text: string; children: ComponentChildren; hint?: string }) {
  return (
    <label class="labelled">
      <span>{text}</span>
      {children}
      {hint && <small>{hint}</small>}
    </label>
  );
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast ${toast.kind}`}>
          <span>{toast.text}</span>
          {toast.action && (
            <button
              type="button" class="quiet"
              onClick={() => {
                toast.action!.run();
                hush(toast.id);
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button type="button" class="quiet" aria-label={t("dismiss")} onClick={() => hush(toast.id)}>✕</button>
        </div>
      ))}
    </div>
  );
}

/** Values of a form by name. */
export function values(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
}
