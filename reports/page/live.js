// Keeps the page of a run up to date: the server says that something changed, and the
// parts of the page that are different are put in the place of the old ones. An open
// proof stays open, and the focus stays where it was.
'use strict';

const lost = document.getElementById('lost');
let fetching = false;
let again = false;
let skew = 0; // of the server's clock, in milliseconds

async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    const answer = await fetch(location.pathname, { cache: 'no-store', redirect: 'error' });
    skew = new Date(answer.headers.get('date')) - Date.now();
    if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    lost.hidden = answer.ok;
  } catch {
    lost.hidden = false;
  }
  fetching = false;
  if (again) {
    again = false;
    refresh();
  }
}

function replace(page) {
  document.title = page.title;
  for (const old of document.querySelectorAll('[data-live]')) {
    const part = page.getElementById(old.id);
    if (!part) old.hidden = true;
    else if (part.innerHTML !== old.dataset.seen) update(old, part);
  }
}

// update changes one part. What it holds is compared as the server sent it, without
// what people opened meanwhile.
function update(old, part) {
  const opened = [...old.querySelectorAll('details[open]')].map(key);
  const focused = old.contains(document.activeElement) ? key(document.activeElement) : null;
  const scrolled = [...old.querySelectorAll('.scroll, .strip')].map((box) => box.scrollLeft);
  old.dataset.seen = part.innerHTML;
  old.replaceChildren(...part.childNodes);
  old.hidden = false;
  for (const details of old.querySelectorAll('details')) details.open = opened.includes(key(details));
  old.querySelectorAll('.scroll, .strip').forEach((box, i) => { box.scrollLeft = scrolled[i] || 0; });
  if (focused) [...old.querySelectorAll('a, button, summary, [tabindex]')].find((other) => key(other) === focused)?.focus({ preventScroll: true });
}

// key names an element by what stands around it, so that it is found again in the next
// version of the page.
function key(element) {
  const row = element.closest('tr');
  const place = row ? row.querySelector('th').textContent + [...row.cells].indexOf(element.closest('td')) : '';
  return element.tagName + place + (element.ariaLabel || (row ? '' : element.textContent.slice(0, 40)));
}

// count shows how long the question waits, in place of until when.
function count() {
  const until = document.getElementById('until');
  if (!until) return;
  const left = Math.max(0, Math.round((new Date(until.dateTime) - Date.now() - skew) / 1000));
  until.textContent = `${new Date(until.dateTime).toLocaleTimeString()} (${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')} left)`;
}
setInterval(count, 1000);

const events = new EventSource('events');
events.addEventListener('change', refresh);
events.addEventListener('open', () => { lost.hidden = true; });
events.addEventListener('error', () => { lost.hidden = false; });
