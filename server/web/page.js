// SPDX-License-Identifier: GPL-2.0-or-later
// Shows /status.json, asked for each second. Texts come from receivers and servers: they are set as
// text, never as markup.
'use strict';

const KEEP = 600; // s of history, kept in this page alone
const OLD = 5; // s after which what is shown is called old
const PATIENCE = 4000; // ms for an answer
const VERSION = 1; // of the protocol

const $ = (id) => document.getElementById(id);
const past = []; // {at: s, offset, bound, rate}
let last = null; // {status, at: s on this page's clock, requests, uptime}
let wrong = ''; // why what is shown cannot be trusted to be of now
let shown = ''; // time of the last new status

const seconds = () => performance.now() / 1000;
const known = (v) => typeof v === 'number' && Number.isFinite(v);
const list = (v) => (Array.isArray(v) ? v : []);

// ---- texts -------------------------------------------------------------------------------------

function duration(s, sign) {
  if (!known(s)) return 'unknown';
  const size = Math.abs(s);
  const [unit, scale] = size >= 1 ? ['s', 1] : size >= 1e-3 ? ['ms', 1e3] : size >= 1e-6 ? ['µs', 1e6] : ['ns', 1e9];
  const v = size * scale;
  const digits = v >= 100 ? 0 : v >= 10 ? 1 : 2;
  return (s < 0 ? '−' : sign && s > 0 ? '+' : '') + v.toFixed(digits) + ' ' + unit;
}

function bound(s) {
  if (!known(s)) return 'unknown';
  const scale = s >= 1 ? 1 : s >= 1e-3 ? 1e3 : s >= 1e-6 ? 1e6 : 1e9;
  const step = s * scale >= 100 ? 1 : s * scale >= 10 ? 10 : 100; // three digits, rounded up
  return '±' + duration(Math.ceil(s * scale * step - 1e-9) / step / scale);
}

function age(s) {
  if (!known(s)) return 'unknown';
  if (s < 60) return s.toFixed(0) + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' min ' + Math.floor(s % 60) + ' s';
  if (s < 86400) return Math.floor(s / 3600) + ' h ' + Math.floor(s / 60 % 60) + ' min';
  return Math.floor(s / 86400) + ' d ' + Math.floor(s / 3600 % 24) + ' h';
}

const words = (text) => String(text).replaceAll('_', ' ');
const clock = (iso) => String(iso).slice(11, 19) + ' UTC';
const instant = (iso) => Date.parse(String(iso).replace(/(\.\d{3})\d*Z$/, '$1Z')) / 1000;

// ---- pieces of the page ------------------------------------------------------------------------

function el(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function draw(tag, attributes, text) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

function facts(id, rows) {
  const parts = [];
  for (const [label, value] of rows) {
    if (id !== 'facts') {
      parts.push(el('dt', '', label), el('dd', '', value));
      continue;
    }
    const pair = el('div');
    pair.append(el('dt', '', label), el('dd', '', value));
    parts.push(pair);
  }
  $(id).replaceChildren(...parts);
}

// A size that most of the values are below: one wild second does not flatten the rest.
function scaleOf(values) {
  const sorted = values.filter(known).map(Math.abs).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor((sorted.length - 1) * 0.9)] * 1.25 : NaN;
}

// The pieces of the past in which every second was heard.
function pieces(points) {
  const out = [];
  let piece = [];
  for (const p of points) {
    if (piece.length && p.at - piece[piece.length - 1].at > OLD) {
      out.push(piece);
      piece = [];
    }
    piece.push(p);
  }
  if (piece.length) out.push(piece);
  return out;
}

// A frame with a time axis; returns the scales.
function frame(svg, low, high, ticks, label) {
  const box = svg.getBoundingClientRect();
  const w = Math.max(box.width, 200), h = Math.max(box.height, 80);
  const left = 70, right = w - 8, top = 8, bottom = h - 22;
  const now = seconds();
  const span = Math.min(KEEP, Math.max(60, past.length ? now - past[0].at : 0));
  const x = (at) => right - (now - at) / span * (right - left);
  const y = (v) => bottom - (Math.min(Math.max(v, low), high) - low) / (high - low) * (bottom - top);
  svg.setAttribute('viewBox', `0 0 ${w} ${h}`);
  svg.replaceChildren();
  for (const v of ticks) {
    svg.append(draw('line', {class: v ? 'grid' : 'grid zero', x1: left, x2: right, y1: y(v), y2: y(v)}));
    svg.append(draw('text', {x: left - 6, y: y(v) + 4, 'text-anchor': 'end'}, label(v)));
  }
  svg.append(draw('text', {x: left, y: h - 6}, '−' + age(span)));
  svg.append(draw('text', {x: right, y: h - 6, 'text-anchor': 'end'}, 'now'));
  return {x, y};
}

function curve(svg, points, x, y, of) {
  const path = points.map((p, i) => (i ? 'L' : 'M') + x(p.at).toFixed(1) + ' ' + y(of(p)).toFixed(1)).join('');
  if (points.length > 1) svg.append(draw('path', {class: 'curve', d: path}));
  else svg.append(draw('circle', {class: 'spot', cx: x(points[0].at), cy: y(of(points[0])), r: 2.5}));
}

// ---- views -------------------------------------------------------------------------------------

function viewChart() {
  const svg = $('chart');
  const points = past.filter((p) => known(p.offset) && known(p.bound));
  const size = scaleOf(points.map((p) => Math.abs(p.offset) + p.bound)) || 1e-6;
  const {x, y} = frame(svg, -size, size, [-size, -size / 2, 0, size / 2, size].map((v) => v * 0.9),
    (v) => (v ? duration(v, true) : '0'));
  for (const piece of pieces(points)) {
    const edge = (p, side) => x(p.at).toFixed(1) + ' ' + y(p.offset + side * p.bound).toFixed(1);
    if (piece.length > 1) {
      svg.append(draw('path', {class: 'band', d: 'M' + piece.map((p) => edge(p, 1)).join('L') + 'L' +
        piece.slice().reverse().map((p) => edge(p, -1)).join('L') + 'Z'}));
    }
    curve(svg, piece, x, y, (p) => p.offset);
  }
}

function viewClock(c, status) {
  facts('facts', [
    ['time', clock(status.time)],
    ['error bound', bound(c.bound_total)],
    ['offset', duration(c.offset, true)],
    ['stratum', c.stratum > 15 ? 'none' : String(c.stratum) + (c.refid ? ', ' + c.refid : '')],
    ['frequency', known(c.frequency_ppm) ? (c.frequency_ppm < 0 ? '−' : '+') + Math.abs(c.frequency_ppm).toFixed(4) + ' ppm' : 'unknown'],
    ...(known(c.celsius) ? [['temperature', c.celsius.toFixed(1) + ' °C']] : []),
  ]);
}

function viewAlarms(status) {
  $('alarms').replaceChildren(...list(status.alarms).filter((a) => a.sentence !== status.clock?.sentence).map((a) => el('li', a.level === 'error' ? 'bad' : '', a.sentence)));
}

function viewSource(s) {
  const box = el('div', 'source');
  const name = el('p', 'name', s.name);
  const health = s.health === 'ok' ? '' : s.health === 'closed' ? 'bad' : 'warn';
  name.append(el('span', s.used ? 'badge good' : 'badge', s.used ? 'used' : 'not used'));
  if (s.health !== 'ok') name.append(el('span', 'badge ' + health, words(s.health)));
  box.append(name);
  if (s.sentence) box.append(el('p', '', s.sentence));
  if (s.error) box.append(el('p', 'error', s.error));
  const figures = [];
  if (known(s.offset)) figures.push('offset ' + duration(s.offset, true));
  if (known(s.jitter)) figures.push('jitter ' + duration(s.jitter));
  if (known(s.age)) figures.push('last sample ' + age(s.age) + ' ago');
  const p = s.peer || {}, r = s.report || {};
  if (p.stratum) figures.push('stratum ' + p.stratum + (p.refid ? ', ' + p.refid : ''));
  if (known(p.delay)) figures.push('delay ' + duration(p.delay));
  if (s.report && s.report.model) figures.push(s.report.model);
  for (const what of ['antenna', 'jamming', 'spoofing'])
    if (r[what] && r[what] !== 'unknown') figures.push(what + ' ' + words(r[what]));
  if (s.trust_why) figures.push('integrity ' + words(s.trust));
  if (figures.length) box.append(el('p', 'figures', figures.join(' · ')));
  return box;
}

function viewSources(status) {
  const sources = list(status.sources);
  $('sourcelist').replaceChildren(...(sources.length ? sources.map(viewSource) :
    [el('p', '', 'None. A line `refclock` or `server` in the configuration adds one.')]));
}

const satelliteName = (s) => String(s.system) + s.id;
const satelliteClass = (s) => 'satellite' + (s.used ? ' used' : '') + (s.cn0 < 30 ? ' weak' : '');

function viewSky(sky) {
  const svg = $('skyplot'), seen = list(sky.satellites);
  svg.replaceChildren();
  for (const r of [100, 66.7, 33.3]) svg.append(draw('circle', {class: 'grid', cx: 0, cy: 0, r}));
  for (const [name, dx, dy] of [['N', 0, -1], ['E', 1, 0], ['S', 0, 1], ['W', -1, 0]]) {
    svg.append(draw('line', {class: 'grid', x1: 0, y1: 0, x2: dx * 100, y2: dy * 100}));
    svg.append(draw('text', {x: dx * 108, y: dy * 108 + 3, 'text-anchor': 'middle'}, name));
  }
  for (const s of seen) {
    if (!(s.elevation >= 0 && s.azimuth >= 0)) continue;
    const r = (90 - s.elevation) / 90 * 100, a = s.azimuth * Math.PI / 180;
    const cx = r * Math.sin(a), cy = -r * Math.cos(a);
    svg.append(draw('circle', {class: satelliteClass(s), cx, cy, r: 9}));
    svg.append(draw('text', {class: s.used ? 'inside' : '', x: cx, y: cy + 3, 'text-anchor': 'middle'}, satelliteName(s)));
  }
  $('skynote').textContent = !sky.source ? 'No receiver reports satellites.' :
    `${sky.used} of ${sky.count} used; by ${sky.source}, ${age(sky.age)} ago`;
}

function viewSignals(sky) {
  const svg = $('bars'), seen = list(sky.satellites).filter((s) => s.cn0 > 0);
  const box = svg.getBoundingClientRect();
  const w = Math.max(box.width, 200), h = Math.max(box.height, 80), bottom = h - 20, left = 26;
  const step = Math.min(48, (w - left) / Math.max(seen.length, 1));
  svg.setAttribute('viewBox', `0 0 ${w} ${h}`);
  svg.replaceChildren();
  for (const db of [0, 20, 40]) {
    const y = bottom - db / 55 * (bottom - 8);
    svg.append(draw('line', {class: 'grid', x1: left, x2: w, y1: y, y2: y}));
    svg.append(draw('text', {x: left - 5, y: y + 4, 'text-anchor': 'end'}, String(db)));
  }
  seen.sort((a, b) => satelliteName(a).localeCompare(satelliteName(b), 'en', {numeric: true}));
  seen.forEach((s, i) => {
    const x = left + i * step, size = Math.min(s.cn0, 55) / 55 * (bottom - 8);
    svg.append(draw('rect', {class: satelliteClass(s), x: x + step * 0.15, width: step * 0.7, y: bottom - size, height: size, rx: 2}));
    if (step > 17) svg.append(draw('text', {x: x + step / 2, y: h - 6, 'text-anchor': 'middle'}, satelliteName(s)));
  });
}

const rateText = (v) => (known(v) ? (v < 10 ? v.toFixed(1) : v.toFixed(0)) + ' a second' : 'unknown');

function viewRequests(server, rates) {
  const verdicts = Object.entries(server.verdicts || {}).filter(([, n]) => n > 0);
  facts('rates', [['now', rateText(rates.all)],
    ...verdicts.map(([name, n]) => [words(name), n.toLocaleString('en') + (rates[name] > 0 ? ', ' + rateText(rates[name]) : '')])]);
  const svg = $('load'), points = past.filter((p) => known(p.rate));
  const size = Math.max(1, ...points.map((p) => p.rate)) * 1.1;
  const {x, y} = frame(svg, 0, size, [0, size / 2, size].map((v) => v * 0.9), (v) => (v < 10 ? v.toFixed(1) : v.toFixed(0)));
  for (const piece of pieces(points)) curve(svg, piece, x, y, (p) => p.rate);
}

function viewPromise(status) {
  const c = status.clock || {}, leap = status.leap || {}, now = instant(status.time);
  const rows = [['passes_1us', '±1 µs'], ['passes_10us', '±10 µs'], ['passes_100us', '±100 µs'], ['passes_1ms', '±1 ms']];
  facts('passes', rows.map(([name, text]) => ['within ' + text,
    c[name] ? 'for ' + age(instant(c[name]) - now) :
      known(c.bound_total) && c.bound_total > Number(text.match(/\d+/)[0]) * (text.endsWith('ms') ? 1e-3 : 1e-6) ?
        'no, not now either' : 'not known, or for more than a month']));
  facts('leap', [
    ['served', words(leap.served || 'unknown')],
    ['next', leap.at ? words(leap.change) + ' at ' + String(leap.at).slice(0, 10) : leap.change === 'none' ? 'none known' : words(leap.change || 'unknown')],
    ['TAI − UTC', leap.tai >= 0 ? leap.tai + ' s' : 'unknown'],
  ]);
  $('leapwhy').textContent = leap.why || '';
}

// ---- the data ----------------------------------------------------------------------------------

// Requests a second since the last answer, in all and by verdict; unknown across a restart.
function ratesOf(status) {
  const verdicts = (status.server || {}).verdicts || {}, uptime = (status.process || {}).uptime;
  const before = last && uptime > last.uptime ? last : null;
  const rates = {all: before ? 0 : NaN};
  for (const [name, n] of Object.entries(verdicts)) {
    if (!before) continue;
    rates[name] = (n - (before.verdicts[name] || 0)) / (uptime - before.uptime);
    rates.all += rates[name];
  }
  return rates;
}

function take(status) {
  const c = status.clock || {}, rates = ratesOf(status);
  if (status.time === shown) return; // the cache answered, or time stands still
  shown = status.time;
  last = {status, at: seconds(), verdicts: (status.server || {}).verdicts || {}, uptime: (status.process || {}).uptime, rates};
  past.push({at: last.at, offset: c.offset, bound: c.bound_total, rate: rates.all});
  while (past.length && last.at - past[0].at > KEEP) past.shift();
  show();
}

function show() {
  if (!last) return;
  const status = last.status, c = status.clock || {}, sky = status.sky || {};
  const state = String(c.state || 'unknown');
  document.body.className = /^[a-z]+$/.test(state) ? state : '';
  document.title = `${state}: ${status.host || 'timeball'}`;
  $('state').textContent = state;
  $('host').textContent = status.host || '';
  $('sentence').textContent = c.sentence || 'timeballd has not said yet how it fares';
  $('release').textContent = `timeball ${status.release}, up ${age((status.process || {}).uptime)}`;
  viewAlarms(status);
  viewClock(c, status);
  viewChart();
  viewSources(status);
  viewSky(sky);
  viewSignals(sky);
  viewRequests(status.server || {}, last.rates);
  viewPromise(status);
  mark();
}

// What is wrong with what is shown stands above it; '' when all is well.
function mark() {
  $('gone').hidden = !wrong;
  document.body.classList.toggle('old', Boolean(wrong) && last !== null);
  if (!wrong) return;
  $('gone').textContent = wrong + (last ? `. What is shown is ${age(seconds() - last.at)} old, of ${clock(last.status.time)}.` : '.');
  $('state').textContent = last ? 'no news' : 'waiting';
  document.title = 'no news: timeball';
}

// The status, or {error}.
async function fetchStatus() {
  try {
    const answer = await fetch('status.json', {cache: 'no-store', signal: AbortSignal.timeout(PATIENCE)});
    return await answer.json();
  } catch (error) {
    console.log(error);
    return {error: 'the server of this page (timeball-web) does not answer'};
  }
}

async function ask() {
  const status = await fetchStatus();
  let why = '';
  setTimeout(ask, 1000);
  if (status.error) why = 'No news: ' + status.error;
  else if (status.version !== VERSION) why = `timeballd speaks version ${status.version} of the protocol, this page ${VERSION}`;
  else take(status);
  if (!why && last && seconds() - last.at > OLD) why = 'No news: timeballd answers, but its status stands still';
  const better = wrong && !why;
  wrong = why;
  if (better) show();
  mark();
}

window.addEventListener('resize', show);
ask();
