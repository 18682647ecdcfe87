// Keeps the page of a run up to date: the server says that something changed, and the
// parts of the page that are different are put in the place of the old ones. An open
// proof stays open, and the focus stays where it was.
'use strict';

const lost = document.getElementById('lost');
const events = new EventSource('events');
let fetching = false;
let again = false;
let ends = false; // the server waits until this page has shown the end
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
  } else if (ends) {
    events.close();
    lost.hidden = true;
    document.getElementById('stopped').hidden = false;
  }
}

function replace(page) {
  document.title = page.title;
  for (const old of document.querySelectorAll('[data-live]')) {
    const part = page.getElementById(old.id);
    if (!part) old.hidden = true;
    else if (part.innerHTML !== old.dataset.seen) update(old, part);
  }
  count();
}

// update changes one part. What it holds is compared as the server sent it, without
// what people opened meanwhile.
function update(old, part) {
  const before = keys(old);
  const opened = [...before].filter(([element]) => element.open).map(([, key]) => key);
  const focused = before.get(document.activeElement);
  const scrolled = [...old.querySelectorAll('.scroll, .strip')].map((box) => box.scrollLeft);
  old.dataset.seen = part.innerHTML;
  old.replaceChildren(...part.childNodes);
  old.hidden = false;
  old.querySelectorAll('.scroll, .strip').forEach((box, i) => { box.scrollLeft = scrolled[i] || 0; });
  for (const [element, key] of keys(old)) {
    if (element.tagName === 'DETAILS') element.open = opened.includes(key);
    else if (key === focused) element.focus({ preventScroll: true });
  }
}

// keys names what people open or focus in a part of the page.
function keys(part) {
  const times = {};
  return new Map([...part.querySelectorAll('a, button, details, summary, [tabindex]')].map((element) => {
    const name = key(element);
    times[name] = (times[name] || 0) + 1;
    return [element, `${name} ${times[name]}`];
  }));
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

events.addEventListener('change', refresh);
events.addEventListener('end', () => { ends = true; refresh(); });
events.addEventListener('open', () => { lost.hidden = true; });
events.addEventListener('error', () => { lost.hidden = false; });
