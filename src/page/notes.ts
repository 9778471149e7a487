/** Phases and marks from the page: only where the agent has an inbound listener, and through that, never through the one that serves the page. */
import { h } from './dom.ts';

const PHASES = ['warmup', 'steady', 'fault', 'recovery', 'cooldown'];

/** @param inbound address of the listener, @param token whether it wants one: kept in this page only, for as long as it is open */
export function noteForm(inbound: string, token: boolean): HTMLElement {
  const state = h('span', { role: 'status' });
  const secret = token
    ? h('input', { type: 'password', 'aria-label': 'Token of --inbound', placeholder: 'token', autocomplete: 'off' })
    : null;
  const text = h('input', { type: 'text', maxlength: 256, 'aria-label': 'Text of the mark', placeholder: 'what happened' });
  const phase = h('select', { 'aria-label': 'Phase' }, ...PHASES.map((name) => h('option', {}, name)));
  const send = async (path: string, body: object): Promise<void> => {
    const headers = { 'content-type': 'application/json', ...(secret ? { authorization: `Bearer ${secret.value}` } : {}) };
    try {
      const response = await fetch(`${inbound}/api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      state.textContent = response.ok ? 'noted' : `refused: ${(await response.text()).slice(0, 200)}`;
    } catch {
      state.textContent = `no answer from ${inbound}`;
    }
  };
  return h(
    'form',
    { class: 'notes', 'aria-label': 'Phases and marks', submit: (event) => event.preventDefault() },
    secret,
    phase,
    h('button', { type: 'button', click: () => void send('phase', { phase: phase.value }) }, 'begin phase'),
    text,
    h('button', { type: 'button', click: () => void send('mark', { text: text.value.trim() }) }, 'mark'),
    state,
  );
}
