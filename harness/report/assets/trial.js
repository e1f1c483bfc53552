/* One trial in full: scores, curve, pictures, settings, machine, and the command that repeats it. */

let pictures = null; // parsed when the first trial is opened
const opened = { rows: [], missing: 0, at: 0 };

function openTrials(every) {
  const rows = every.filter((row) => value('status', row) !== 'missing');
  const missing = every.length - rows.length;
  if (!rows.length)
    return showDialog([
      el('h2', { id: 'dialog-title' }, 'No trial'),
      el('p', {}, `${plural(missing, 'trial')} of this cell ${missing === 1 ? 'has' : 'have'} not been run.`),
    ]);
  // the row with a picture first, since it says most
  const shown = rows.findIndex((row) => pictureOf(row)?.error);
  Object.assign(opened, { rows, missing, at: Math.max(0, shown) });
  return showTrial();
}

function pictureOf(row) {
  pictures ??= JSON.parse(byId('pictures').textContent);
  return pictures.rows[`${value('folder', row)}/${value('key', row)}`] ?? null;
}

function showTrial() {
  const row = opened.rows[opened.at];
  const turn = (by) => () => {
    opened.at = (opened.at + by + opened.rows.length) % opened.rows.length;
    showTrial();
  };
  const many = opened.rows.length > 1;
  const curve = el('div', { class: 'chart' });
  const e = EXPERIMENTS[value('experiment', row)];
  const missing = opened.missing ? `, ${opened.missing} missing` : '';
  const children = [
    el(
      'h2',
      { id: 'dialog-title' },
      dot(value('model', row)),
      `${value('model', row)}, ${budgetText(value('size', row))}`,
    ),
    el(
      'p',
      { class: 'lead' },
      presetMark(e),
      `${signalText(e)}, ${taskText(e.task)}; ${placeText(row)} `,
      statusMark(row),
    ),
    value('reason', row) ? el('p', { class: 'reason' }, value('reason', row)) : null,
    many ? pager(turn, `trial ${opened.at + 1} of ${opened.rows.length} of this cell${missing}`) : null,
    besideButton(row, showTrial),
    trialScores(row),
    imagesOf(row, ['target', 'answer', 'error']),
    errorNote([row]),
    el('h3', {}, 'Learning curve'),
    curve,
    el(
      'div',
      { class: 'two' },
      el(
        'div',
        {},
        el('h3', {}, 'Settings'),
        facts([
          ...settingsOf(row),
          ...[
            ['passes', 'steps'],
            ['updates', 'updates'],
            ['points a batch', 'minibatch'],
            ['precision', 'precision'],
            ['digest', 'config_hash'],
          ].map(([name, column]) => [name, value(column, row)]),
        ]),
      ),
      el(
        'div',
        {},
        el('h3', {}, 'Machine'),
        facts([
          ['device', value('device', row)],
          ['back end', value('backend', row)],
          ['training', secondsText(value('seconds', row))],
          ['an update', milliseconds(value('ms_per_update', row))],
          ['a pass', milliseconds(value('ms_per_pass', row))],
          ['ready after', secondsText(value('ready_seconds', row))],
          ['processor', secondsText(value('processor_seconds', row))],
          ['load at start', loadText(row)],
          ['peak memory', bytesText(value('peak_memory_bytes', row))],
          ['started', value('started', row)],
          ['commit', value('commit', row)],
          ...Object.entries(JSON.parse(value('versions', row) ?? 'null') ?? {}),
          ['data', value('source', row)],
          ['values scored', JSON.parse(value('shape', row) ?? 'null')?.join(' × ')],
        ]),
      ),
    ),
    el('h3', {}, 'Run it again'),
    commandBox(commandOf(row)),
    el('p', { class: 'hint' }, `Row: ${value('folder', row)}/rows/${value('key', row)}.json`),
  ];
  showDialog(children, many ? turn : null);
  drawCurve(curve, row);
  remember([value('key', row)]);
}

/* Buttons to the one before and the next; the arrow keys do the same. turn(by): what goes there. */
const pager = (turn, text) =>
  el(
    'p',
    { class: 'pages' },
    el('button', { type: 'button', id: 'trial-before', title: 'or the left arrow key', onclick: turn(-1) }, 'previous'),
    el('span', {}, text),
    el('button', { type: 'button', id: 'trial-next', title: 'or the right arrow key', onclick: turn(1) }, 'next'),
  );

const besideButton = (row, again) =>
  el(
    'button',
    {
      type: 'button',
      id: 'lay-beside',
      'aria-pressed': String(laid.includes(row)),
      onclick: () => {
        layBeside(row);
        drawTrials();
        again();
      },
    },
    laid.includes(row) ? 'not side by side' : 'lay side by side',
  );

const milliseconds = (ms) => (known(ms) ? `${ms.toPrecision(3)} ms` : null);

function loadText(row) {
  const load = value('load_at_start', row);
  if (!known(load)) return null;
  return `${load.toFixed(2)} a core${isBusy(row) ? ': a busy machine, times may be too long' : ''}`;
}

function settingsOf(row) {
  const settings = JSON.parse(value('settings', row) ?? 'null') ?? {};
  return Object.entries(settings).map(([name, x]) => [name, typeof x === 'object' ? JSON.stringify(x) : String(x)]);
}

const facts = (pairs) =>
  el(
    'dl',
    {},
    pairs
      .filter(([, x]) => x !== null && x !== undefined && x !== '')
      .map(([name, x]) => el('div', {}, el('dt', {}, name), el('dd', {}, String(x)))),
  );

let turnDialog = null; // what the arrow keys do while a dialog is open

function showDialog(children, turn = null) {
  const dialog = byId('dialog');
  turnDialog = turn;
  dialog.classList.remove('wide');
  const close = el(
    'button',
    { type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => dialog.close() },
    '×',
  );
  const focused = dialog.open ? document.activeElement?.id : null;
  dialog.replaceChildren(close, ...children.filter(Boolean));
  if (!dialog.open) dialog.showModal();
  (focused && byId(focused) ? byId(focused) : close).focus();
  dialog.scrollTop = 0;
}

function pageThrough(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by || !turnDialog || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  turnDialog(by)();
}
