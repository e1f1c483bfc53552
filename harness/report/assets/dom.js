/* Elements made of text and of other elements. Nothing on this page ever parses markup. */

const byId = (id) => document.getElementById(id);

/* What an element holds in base64, and the text of what was compressed by gzip. */
const bytesOf = (id) => Uint8Array.from(atob(byId(id).textContent.trim()), (one) => one.charCodeAt(0));
const inflated = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text();

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const el = (name, attributes = {}, ...children) => build(document.createElement(name), attributes, children);
const svg = (name, attributes = {}, ...children) =>
  build(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

/* A table. caption: its element, or null. heads: the cells of its first row. */
const tableOf = (attributes, caption, heads, body) =>
  el('table', attributes, caption, el('thead', {}, el('tr', {}, heads)), el('tbody', {}, body));

/* A caption for those who do not see the page. */
const hiddenCaption = (text) => el('caption', { class: 'hidden' }, text);

const budgetHeads = (sizes) => sizes.map((size) => el('th', { scope: 'col', class: 'number' }, budgetText(size)));

const listOf = (lines, attributes = {}) =>
  el(
    'ul',
    attributes,
    lines.map((line) => el('li', {}, line)),
  );

/* A button that looks like a link. */
const linkButton = (title, onclick, text) => el('button', { type: 'button', class: 'link', title, onclick }, text);

/* A part that is closed at first. fill: draws into it what stands below the summary, when it is opened first. */
function foldedPart(summary, fill) {
  const ontoggle = ({ currentTarget: part }) => {
    if (part.open && part.childElementCount === 1) fill(part);
  };
  return el('details', { class: 'card', ontoggle }, el('summary', {}, summary));
}

/* One of several choices, as a row of buttons. */
function segments(place, choices, chosen, choose) {
  place.replaceChildren(
    ...choices.map(([value, text]) =>
      el(
        'button',
        {
          type: 'button',
          'aria-pressed': String(value === chosen),
          onclick: () => choose(value),
        },
        text,
      ),
    ),
  );
}

/* A small button that says what a number is, for fingers as well as for a mouse. */
let infoBoxes = 0;
function info(text, what) {
  if (!text) return '';
  infoBoxes += 1;
  const id = `info-${infoBoxes}`;
  return [
    el('button', { type: 'button', class: 'info', popovertarget: id, 'aria-label': `what ${what} is` }),
    el('div', { id, popover: 'auto', class: 'info-box' }, el('b', {}, what), ` ${text}`),
  ];
}

/* A table whose columns sort. columns: {key, title, note, number, value(line), cell(line), rowHead}.
   sorting: {key, down}, which a click on a head changes before it calls `again`. */
function sortableTable(caption, columns, lines, sorting, again) {
  const head = columns.map((column) => {
    const own = sorting.key === column.key;
    const turn = () => {
      sorting.down = own ? !sorting.down : Boolean(column.number);
      sorting.key = column.key;
      again(column.key);
    };
    return el(
      'th',
      {
        scope: 'col',
        class: column.number ? 'number' : null,
        title: column.note,
        'aria-sort': own ? (sorting.down ? 'descending' : 'ascending') : 'none',
      },
      column.title ? el('button', { type: 'button', 'data-sort': column.key, onclick: turn }, column.title) : '',
      column.title ? info(column.note, column.title) : '',
    );
  });
  const body = lines.map((line) =>
    el(
      'tr',
      { class: line.kind || null },
      columns.map((column) =>
        el(
          column.rowHead ? 'th' : 'td',
          { scope: column.rowHead ? 'row' : null, class: column.number ? 'number' : null },
          column.cell(line),
        ),
      ),
    ),
  );
  return tableOf({ class: 'sortable' }, hiddenCaption(caption), head, body);
}

/* Lines in the order asked for; those without a value come last either way. */
function sorted(lines, columns, sorting) {
  const column = columns.find((one) => one.key === sorting.key);
  if (!column) return lines;
  const sign = sorting.down ? -1 : 1;
  const absent = (value) => value === null || value === undefined || Number.isNaN(value);
  return [...lines].sort((a, b) => {
    const [x, y] = [column.value(a), column.value(b)];
    if (absent(x) || absent(y)) return absent(x) - absent(y);
    return sign * (typeof x === 'string' ? x.localeCompare(y, 'en', { numeric: true }) : x - y);
  });
}

/* Draw a sorted table into a place, and keep the keyboard where it was. */
function showSorted(place, caption, columns, lines, sorting) {
  const draw = (focused) => {
    place.replaceChildren(sortableTable(caption, columns, sorted(lines, columns, sorting), sorting, draw));
    if (focused) place.querySelector(`[data-sort="${focused}"]`).focus();
  };
  draw(null);
}

/* Numbers as text. */
const minus = (text) => text.replace('-', '−');
const fixed = (value, digits) => minus((Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits));
const signed = (value, digits) => (value >= 0.5 * 10 ** -digits ? '+' : '') + fixed(value, digits);
const whole = (value) => Math.round(value).toLocaleString('en-GB').replaceAll(',', '\u202f');
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

function budgetText(size) {
  for (const [unit, name] of [
    [1e6, 'M'],
    [1e3, 'k'],
  ])
    if (size >= unit) return `${Number((size / unit).toPrecision(6))}${name}`;
  return String(size);
}

function secondsText(seconds) {
  if (!known(seconds)) return '';
  if (seconds >= 5400) return `${(seconds / 3600).toFixed(1)} h`;
  if (seconds >= 90) return `${(seconds / 60).toFixed(1)} min`;
  return `${seconds.toPrecision(seconds < 1 ? 2 : 3)} s`;
}

const bytesText = (bytes) => (known(bytes) ? `${(bytes / 2 ** 30).toPrecision(3)} GiB` : '');
const sizeText = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const pText = (p) => (p < 0.001 ? 'p\u00a0<\u00a0.001' : `p\u00a0=\u00a0${p.toFixed(p < 0.01 ? 3 : 2).replace('0.', '.')}`);
const plural = (number, word) => `${whole(number)} ${word}${number === 1 ? '' : 's'}`;
