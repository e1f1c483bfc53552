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
  const shown = rows.findIndex((row) => pictureOf(row)?.webp);
  Object.assign(opened, { rows, missing, at: Math.max(0, shown) });
  return showTrial();
}

function pictureOf(row) {
  pictures ??= JSON.parse(byId('pictures').textContent);
  return pictures[`${value('folder', row)}/${value('key', row)}`] ?? null;
}

function showTrial() {
  const row = opened.rows[opened.at];
  const turn = (by) => () => {
    opened.at = (opened.at + by + opened.rows.length) % opened.rows.length;
    showTrial();
  };
  const many = opened.rows.length > 1;
  const curve = el('div', { class: 'chart' });
  const place = [
    ['band', value('bandlimit', row)],
    ['item', value('item', row)],
    ['seed', value('seed', row)],
    ['signal seed', value('signal_seed', row)],
  ]
    .filter(([, x]) => x !== null)
    .map(([name, x]) => `${name} ${x}`)
    .join(', ');
  showDialog([
    el(
      'h2',
      { id: 'dialog-title' },
      dot(value('model', row)),
      `${value('model', row)}, ${budgetText(value('size', row))}`,
    ),
    el(
      'p',
      { class: 'lead' },
      `${signalText(EXPERIMENTS[value('experiment', row)])}, ${taskText(EXPERIMENTS[value('experiment', row)].task)}; ${place} `,
      statusMark(row),
    ),
    value('reason', row) ? el('p', { class: 'reason' }, value('reason', row)) : null,
    many
      ? el(
          'p',
          { class: 'pages' },
          el('button', { type: 'button', id: 'trial-before', onclick: turn(-1) }, 'previous'),
          el(
            'span',
            {},
            `trial ${opened.at + 1} of ${opened.rows.length} of this cell${opened.missing ? `, ${opened.missing} missing` : ''}`,
          ),
          el('button', { type: 'button', id: 'trial-next', onclick: turn(1) }, 'next'),
        )
      : null,
    trialScores(row),
    trialPicture(row),
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
        ]),
      ),
    ),
    el('h3', {}, 'Run it again'),
    commandBox(commandOf(row)),
    el('p', { class: 'hint' }, `Row: ${value('folder', row)}/rows/${value('key', row)}.json`),
  ]);
  drawCurve(curve, row);
  remember(value('key', row));
}

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

function showDialog(children) {
  const dialog = byId('dialog');
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
