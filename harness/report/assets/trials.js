/* Every trial of the experiment that is chosen above, a page at a time. */

const list = { page: 0, text: '', status: '', sorting: { key: 'started', down: true } };
const PAGE = 25;

const TRIAL_COLUMNS = [
  {
    key: 'beside',
    title: '',
    note: 'lay side by side',
    value: (row) => (laid.includes(row) ? 0 : 1),
    cell: (row) =>
      value('status', row) === 'missing'
        ? ''
        : el('input', {
            type: 'checkbox',
            'aria-label': 'lay side by side',
            checked: laid.includes(row),
            onchange: () => layBeside(row),
          }),
  },
  {
    key: 'model',
    title: 'Model',
    rowHead: true,
    value: (row) => MODELS.indexOf(value('model', row)),
    cell: (row) => [dot(value('model', row)), trialButton(row)],
  },
  {
    key: 'size',
    title: 'Budget',
    number: true,
    value: (row) => value('size', row),
    cell: (row) => budgetText(value('size', row)),
  },
  {
    key: 'band',
    title: 'Band',
    number: true,
    value: (row) => value('bandlimit', row),
    cell: (row) => value('bandlimit', row) ?? '',
  },
  { key: 'item', title: 'Item', value: (row) => value('item', row), cell: (row) => itemOf(row) ?? '' },
  {
    key: 'seed',
    title: 'Seed',
    number: true,
    value: (row) => value('seed', row),
    cell: (row) => String(value('seed', row)),
  },
  ...(DATA.columns.signal_seed
    ? [
        {
          key: 'signal_seed',
          title: 'Signal seed',
          number: true,
          value: (row) => value('signal_seed', row) ?? value('seed', row),
          cell: (row) => String(value('signal_seed', row) ?? value('seed', row)),
        },
      ]
    : []),
  { key: 'status', title: 'Status', value: (row) => value('status', row), cell: (row) => statusMark(row) },
  ...Object.keys(DATA.metrics)
    .filter((name) => DATA.columns[name])
    .map((name) => ({
      key: name,
      title: DATA.metrics[name].name,
      number: true,
      value: (row) => value(name, row),
      cell: (row) => (known(value(name, row)) ? fixed(value(name, row), DATA.metrics[name].digits + 1) : ''),
    })),
  {
    key: 'seconds',
    title: 'Training',
    number: true,
    value: (row) => value('seconds', row),
    cell: (row) => secondsText(value('seconds', row)) + (isBusy(row) && known(value('seconds', row)) ? ' (busy)' : ''),
  },
  {
    key: 'started',
    title: 'Started',
    value: (row) => value('started', row),
    cell: (row) => (value('started', row) ?? '').slice(0, 16).replace('T', ' '),
  },
];

function statusMark(row) {
  const title = value('reason', row);
  return el('span', { class: `mark ${statusKind(row)}`, title }, statusText(value('status', row)));
}

function trialButton(row) {
  const model = value('model', row);
  return value('status', row) === 'missing'
    ? model
    : linkButton('open this trial', () => openTrials([row]), model);
}

function listedRows() {
  const words = list.text.toLowerCase().split(/\s+/).filter(Boolean);
  return chosenRows().filter((row) => {
    if (list.status && statusKind(row) !== list.status) return false;
    const text = [
      'model',
      'size',
      'bandlimit',
      'item',
      'seed',
      'status',
      'reason',
      'device',
      'backend',
      'commit',
      'key',
    ]
      .map((name) => value(name, row) ?? '')
      .join(' ')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function drawTrials() {
  if (!byId('trials-tools').childElementCount) drawTrialTools();
  const rows = sorted(listedRows(), TRIAL_COLUMNS, list.sorting);
  const pages = Math.max(1, Math.ceil(rows.length / PAGE));
  list.page = Math.min(list.page, pages - 1);
  const columns = TRIAL_COLUMNS.filter(
    (column) => ['model', 'size', 'status'].includes(column.key) || rows.some((row) => column.value(row) !== null),
  );
  const again = (key) => {
    list.page = 0;
    drawTrials();
    byId('trials-table').querySelector(`[data-sort="${key}"]`)?.focus();
  };
  byId('trials-table').replaceChildren(
    rows.length
      ? sortableTable(
          'Every trial',
          columns,
          rows.slice(list.page * PAGE, (list.page + 1) * PAGE),
          list.sorting,
          again,
        )
      : el('p', { class: 'empty' }, 'No trial answers to this choice.'),
  );
  const turn = (by) => () => {
    list.page += by;
    drawTrials();
  };
  byId('trials-pages').replaceChildren(
    el('button', { type: 'button', onclick: turn(-1), disabled: list.page === 0 }, 'previous'),
    el('span', {}, `page ${list.page + 1} of ${pages}, ${plural(rows.length, 'trial')}`),
    el('button', { type: 'button', onclick: turn(1), disabled: list.page >= pages - 1 }, 'next'),
  );
}

function drawTrialTools() {
  const restart = (change) => (event) => {
    change(event.target.value);
    list.page = 0;
    drawTrials();
  };
  byId('trials-tools').replaceChildren(
    el(
      'label',
      { class: 'field' },
      el('span', {}, 'Find'),
      el('input', {
        id: 'find',
        type: 'search',
        placeholder: 'Siren 0.5 diverged',
        oninput: restart((text) => {
          list.text = text;
        }),
      }),
    ),
    el(
      'label',
      { class: 'field' },
      el('span', {}, 'Status'),
      el(
        'select',
        {
          id: 'find-status',
          onchange: restart((status) => {
            list.status = status;
          }),
        },
        [['', 'any'], ...['ok', 'failed', 'unsupported', 'missing', 'older'].map((one) => [one, one])].map(
          ([name, text]) => el('option', { value: name }, text),
        ),
      ),
    ),
    el('span', { id: 'trials-pages', class: 'pages' }),
  );
}
