/* The first thing on the page: what there is, what could not be read, and who wins where. */

function drawSummary() {
  const counts = { ok: 0, failed: 0, unsupported: 0, missing: 0, older: 0 };
  for (let row = 0; row < DATA.rows; row += 1)
    counts[value('status', row) in counts ? value('status', row) : 'failed'] += 1;
  const totals = [
    plural(MODELS.length, 'model'),
    plural(EXPERIMENTS.length, 'experiment'),
    plural(DATA.rows - counts.missing, 'trial'),
  ];
  byId('summary').append(`${totals.join(', ')}.`);
  const marks = Object.entries(counts).filter(([, number]) => number);
  byId('tallies').append(
    ...marks.map(([status, number]) => el('span', { class: `mark ${status}` }, `${whole(number)} ${status}`)),
  );
}

const folded = (what, lines) =>
  el(
    'details',
    {},
    el('summary', {}, what),
    el(
      'ul',
      {},
      lines.map((line) => el('li', {}, line)),
    ),
  );

function drawNotices() {
  const lines = [];
  if (DATA.running.length)
    lines.push(el('p', {}, `Still running when this page was written: ${DATA.running.join('; ')}.`));
  if (DATA.problems.length) {
    const what = `${plural(DATA.problems.length, 'file')} could not be read as rows and stand nowhere on this page`;
    lines.push(folded(what, DATA.problems));
  }
  const remarks = EXPERIMENTS.flatMap((e) => e.remarks.map((one) => `${signalText(e)}, ${taskText(e.task)}: ${one}`));
  if (remarks.length) lines.push(folded(`${plural(remarks.length, 'remark')} on budgets, gains and times`, remarks));
  if (!EXPERIMENTS.length) {
    lines.unshift(
      el(
        'p',
        {},
        el('b', {}, 'There are no results yet.'),
        ` No row was found in ${DATA.out}. Run an experiment, for example `,
        el('code', {}, 'bash run_2dsierpinski.sh'),
        ', then ',
        el('code', {}, 'python -m harness report'),
        '.',
      ),
    );
  }
  byId('notices').hidden = !lines.length;
  byId('notices').replaceChildren(...lines);
}

/* The best of one place: its score and lead, and what else there is to say of it. */
function bestCell(place) {
  if (!place) return el('td');
  if (place.model === null) return el('td', { class: 'faint', title: 'no model has a score on every draw' }, '–');
  const { digits } = metricInfo('psnr');
  const lead = place.by === null ? '' : ` (+${fixed(place.by, digits)})`;
  return el(
    'td',
    { title: place.told },
    dot(place.model),
    el(place.verdict === 'win' ? 'b' : 'i', {}, place.model),
    el('small', { class: 'under' }, fixed(place.score, digits), lead),
    ...yardstickNote(place),
    ...leftOutNote(place),
  );
}

const yardstickNote = (place) =>
  place.yardstick ? [el('small', { class: 'under' }, `† ${place.yardstick} +${fixed(place.ahead, 1)}`)] : [];
const leftOutNote = (place) =>
  place.left_out.length
    ? [
        el(
          'small',
          { class: 'under unsure', title: 'runs failed or are missing' },
          `without ${place.left_out.join(', ')}`,
        ),
      ]
    : [];

/* Of several bands: at how many a model is the best, and at how many of these it wins. */
function ledCell({ best: led, yardsticks }) {
  if (!led.length) return el('td', { class: 'faint' }, '–');
  const [[first, bands, wins], ...others] = led;
  const ahead = yardsticks.map(([model, count]) => `${model} at ${plural(count, 'band')}`).join(', ');
  const all = led.map(([model, best, won]) => `${model}: best at ${plural(best, 'band')}, wins ${won}`).join('; ');
  return el(
    'td',
    { title: all },
    dot(first),
    el(wins ? 'b' : 'i', {}, first),
    el('small', { class: 'under' }, `${plural(bands, 'band')}, ${wins} won`),
    others.length
      ? el('small', { class: 'under' }, others.map(([model, best]) => `${model} ${best}`).join(', '))
      : '',
    ahead ? el('small', { class: 'under' }, `† ${ahead}`) : '',
  );
}

function winnerCell(experiment, size) {
  const e = EXPERIMENTS[experiment];
  if (!e.bands.length || !e.metrics.includes('psnr')) return el('td');
  if (e.bands.length > 1 && !e.rings) return e.led[size] ? ledCell(e.led[size]) : el('td');
  return bestCell(bestAt(experiment, 'psnr', e.rings ? WHOLE : e.bands[0], size));
}

function drawWinners() {
  const sizes = distinct(DATA.columns.size ?? []).sort(byNumber);
  const rows = EXPERIMENTS.map((e, i) => {
    const count = (status) => rowsOf[i].filter((row) => statusKind(row) === status).length;
    const [missing, failed] = [count('missing'), count('failed')];
    const open = () => {
      load(i, state.metric);
      changed();
      byId('scores').scrollIntoView();
    };
    return el(
      'tr',
      {},
      el(
        'th',
        { scope: 'row' },
        el('button', { type: 'button', class: 'link', onclick: open }, `${signalText(e)}, ${taskText(e.task)}`),
        el(
          'small',
          {},
          variantText(e),
          failed ? el('span', { class: 'mark failed' }, `${failed} failed`) : '',
          missing ? el('span', { class: 'mark missing' }, `${missing} missing`) : '',
        ),
      ),
      sizes.map((size) => winnerCell(i, size)),
    );
  });
  byId('winners').replaceChildren(
    el(
      'table',
      {},
      el('caption', { class: 'hidden' }, 'The best model of every experiment and budget'),
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          el('th', { scope: 'col' }, 'Experiment'),
          sizes.map((size) => el('th', { scope: 'col' }, budgetText(size))),
        ),
      ),
      el('tbody', {}, rows),
    ),
  );
}

/* Average ranks over whole presets: one diagram at a time. */
const acrossState = { group: 0, size: '' };

function drawAcross() {
  const groups = DATA.across;
  if (!groups.length) return byId('across').replaceChildren();
  const group = groups[acrossState.group];
  const sizes = Object.keys(group.ranks);
  if (!sizes.includes(acrossState.size)) acrossState.size = sizes.at(-1);
  const [which, budgets] = [
    el('span', { class: 'segments', role: 'group', 'aria-label': 'Experiments' }),
    el('span', { class: 'segments', role: 'group', 'aria-label': 'Budget' }),
  ];
  segments(
    which,
    groups.map((one, i) => [i, `${one.dim}D, ${one.preset}`]),
    acrossState.group,
    (i) => {
      acrossState.group = i;
      drawAcross();
    },
  );
  segments(
    budgets,
    sizes.map((size) => [size, budgetText(Number(size))]),
    acrossState.size,
    (size) => {
      acrossState.size = size;
      drawAcross();
    },
  );
  return byId('across').replaceChildren(
    el('div', { class: 'head' }, el('h3', {}, 'Average ranks over signals'), which, budgets),
    rankDiagram(
      group.ranks[acrossState.size],
      'signal',
      'each by its mean rank in PSNR over its bands, items and tasks',
    ),
  );
}
