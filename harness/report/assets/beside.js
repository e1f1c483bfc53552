/* Trials side by side: those of a place (the best, the second, the baseline, a yardstick), or those that a reader
   put there. */

const laid = []; // rows that a reader laid side by side, in order

const placeText = (row) =>
  [
    ['band', value('bandlimit', row)],
    ['item', itemOf(row)],
    ['seed', value('seed', row)],
    ['signal seed', value('signal_seed', row)],
  ]
    .filter(([, x]) => x !== null)
    .map(([name, x]) => `${name} ${x}`)
    .join(', ');

const scoreOf = (name, row) => (known(value(name, row)) ? fixed(value(name, row), DATA.metrics[name].digits + 1) : '–');

/* One column: what it is there, the trial's scores and its pictures. All columns have four parts, in lines. */
function columnOf({ role, row, note }) {
  const metrics = Object.keys(DATA.metrics).filter((name) => known(value(name, row)));
  return el(
    'div',
    { class: 'beside-column' },
    el('h3', {}, dot(value('model', row)), trialButton(row), role ? el('small', {}, ` ${role}`) : ''),
    el('p', { class: 'hint' }, note),
    el(
      'p',
      { class: 'scores' },
      metrics.map((name) =>
        el('span', {}, `${DATA.metrics[name].name} `, el('b', {}, scoreOf(name, row)), ` ${DATA.metrics[name].unit}`),
      ),
      metrics.length ? '' : statusMark(row),
    ),
    imagesOf(row, ['answer', 'error']),
  );
}

/* Entries {role, row, note} under each other's eyes; the target once where all share it. */
function besideView(entries) {
  const pictured = entries.map(({ row }) => pictureOf(row)).filter((picture) => picture?.error);
  const targets = distinct(pictured.map((picture) => picture.target));
  const one = targets.length === 1 && targets[0] !== undefined ? entries.find(({ row }) => pictureOf(row)?.error) : null;
  return el(
    'div',
    { class: 'beside' },
    one
      ? el('div', { class: 'beside-column' }, el('h3', {}), el('p'), el('p'), imagesOf(one.row, ['target']))
      : '',
    entries.map((entry) => columnOf(entry)),
  );
}

/* A place's rows: of each model that is shown there the trial of one draw, of those of which most have pictures the one
   at which the models, yardsticks aside, are furthest apart. */
function placeEntries(experiment, band, size, { shown, cases: over }) {
  const rows = rowsOf[experiment].filter(
    (row) =>
      value('status', row) === 'ok' &&
      value('size', row) === size &&
      (EXPERIMENTS[experiment].rings || bandKey(value('bandlimit', row)) === band),
  );
  const drawOf = (row) => ['item', 'seed', 'signal_seed'].map((name) => value(name, row)).join('/');
  const at = (draw, model) => rows.find((row) => value('model', row) === model && drawOf(row) === draw);
  const isPictured = (row) => row !== undefined && pictureOf(row)?.error !== undefined;
  const pictured = (draw) => shown.filter(([, model]) => isPictured(at(draw, model))).length;
  const draws = distinct(rows.map(drawOf));
  const compared = shown.filter(([role]) => role !== 'yardstick');
  const apart = (draw) => {
    const there = compared.map(([, model]) => at(draw, model)).filter((row) => row !== undefined);
    const scores = there.map((row) => value('psnr', row)).filter(known);
    return scores.length ? Math.max(...scores) - Math.min(...scores) : 0;
  };
  const draw = draws.reduce((a, b) => ((pictured(b) - pictured(a) || apart(b) - apart(a)) > 0 ? b : a), draws[0]);
  const { digits, unit } = metricInfo('psnr');
  return shown
    .map(([role, model, mean]) => ({
      role: role === 'yardstick' ? '† yardstick' : role,
      row: at(draw, model),
      note: over && known(mean) ? `mean ${fixed(mean, digits)} ${unit} over ${over} cases` : '',
    }))
    .filter(({ row }) => row !== undefined);
}

const shownText = (entries) => {
  const why = entries.length > 1 && entries[0].note ? ', of those with pictures where these differ most' : '';
  return `Shown: ${placeText(entries[0].row)}${why}.`;
};

function openPlace(experiment, band, size) {
  const e = EXPERIMENTS[experiment];
  const place = bestAt(experiment, 'psnr', band, size);
  if (!place || place.model === null) return;
  const entries = placeEntries(experiment, band, size, place);
  const bands = e.bands.filter((one) => e.best.psnr[one]?.[size]?.model);
  const turn = (by) => () => openPlace(experiment, bands[(bands.indexOf(band) + by + bands.length) % bands.length], size);
  showDialog(
    [
      el('h2', { id: 'dialog-title' }, `${signalText(e)}, ${taskText(e.task)}`),
      el(
        'p',
        { class: 'lead' },
        presetMark(e),
        `${band === WHOLE ? '' : `band ${band}, `}budget ${budgetText(size)}: ${place.told}`,
      ),
      leftOutList(place.left_out ?? []),
      entries.length ? el('p', { class: 'hint' }, shownText(entries)) : '',
      bands.length > 1 ? pager(turn, `band ${bandText(band)}, one of ${bands.length}`) : null,
      besideView(entries),
      errorNote(entries.map(({ row }) => row)),
    ],
    bands.length > 1 ? turn : null,
  );
  byId('dialog').classList.add('wide');
  history.replaceState(null, '', placeAddress(experiment, band, size));
}

/* Rows that a reader laid side by side. */
function layBeside(row) {
  const at = laid.indexOf(row);
  if (at < 0) laid.push(row);
  else laid.splice(at, 1);
  drawTray();
}

function drawTray() {
  const tray = byId('tray');
  tray.hidden = !laid.length;
  const many = laid.length > 1;
  tray.replaceChildren(
    el('span', {}, `${plural(laid.length, 'trial')} to lay side by side`, many ? '' : '; choose another'),
    el('button', { type: 'button', id: 'tray-open', disabled: !many, onclick: () => openLaid() }, 'side by side'),
    el(
      'button',
      {
        type: 'button',
        onclick: () => {
          laid.length = 0;
          drawTray();
          drawTrials();
        },
      },
      'none',
    ),
  );
}

function openLaid() {
  const curve = el('div', { class: 'chart' });
  const entries = laid.map((row) => ({
    row,
    note: `${signalText(EXPERIMENTS[value('experiment', row)])}, budget ${budgetText(value('size', row))}, ${placeText(row)}`,
  }));
  const facts = [
    ['parameters', (row) => (known(value('parameters', row)) ? whole(value('parameters', row)) : '')],
    ['training', (row) => secondsText(value('seconds', row))],
    ['preset', (row) => EXPERIMENTS[value('experiment', row)].preset],
    ['settings', (row) => settingsOf(row).map(([name, x]) => `${name} ${x}`).join(', ')],
    ['device', (row) => value('device', row) ?? ''],
  ];
  showDialog([
    el('h2', { id: 'dialog-title' }, `${plural(laid.length, 'trial')} side by side`),
    besideView(entries),
    errorNote(laid),
    el('h3', {}, 'Learning curves'),
    curve,
    el(
      'div',
      { class: 'scroll' },
      el(
        'table',
        { class: 'facts' },
        el(
          'tbody',
          {},
          facts.map(([name, text]) =>
            el(
              'tr',
              {},
              el('th', { scope: 'row' }, name),
              laid.map((row) => el('td', {}, text(row))),
            ),
          ),
        ),
      ),
    ),
  ]);
  byId('dialog').classList.add('wide');
  drawCurves(curve, laid);
  remember(laid.map((row) => value('key', row)));
}
