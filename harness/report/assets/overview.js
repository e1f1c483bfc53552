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

/* The adjusted p of two models in an experiment's verdict; null where none was tested, or none could pass. */
function adjustedP(experiment, metric, size, first, second) {
  const verdict = DATA.verdicts[experiment]?.[metric]?.[size];
  if (!verdict || !canTell(verdict)) return null;
  const [i, j] = [verdict.models.indexOf(first), verdict.models.indexOf(second)].sort(byNumber);
  const pair = verdict.pairs.find((one) => one[0] === i && one[1] === j);
  return pair ? pair[5] : null;
}

const better = (metric) => (metricInfo(metric).higher ? (a, b) => b.mean - a.mean : (a, b) => a.mean - b.mean);

function winnerCell(experiment, lines, size) {
  const ranked = lines.filter((line) => line.size === size && line.mean !== null).sort(better('psnr'));
  if (!ranked.length) return el('td', { class: 'faint' }, '–');
  const [first, second] = ranked;
  const p = second ? adjustedP(experiment, 'psnr', size, first.model, second.model) : null;
  const sure = p !== null && p < 0.05;
  const title = second
    ? `next: ${second.model}, ${p === null ? 'too few draws to tell' : pText(p)}`
    : 'no other model';
  return el(
    'td',
    { title },
    dot(first.model),
    el(sure || !second ? 'b' : 'i', {}, first.model),
    el('small', { class: 'under' }, fixed(first.mean, 1), second ? ` (+${fixed(first.mean - second.mean, 1)})` : ''),
  );
}

function drawWinners() {
  const sizes = distinct(DATA.columns.size ?? []).sort(byNumber);
  const rows = EXPERIMENTS.map((e, i) => {
    const lines = aggregate(
      runsOf(i, 'psnr').filter((run) => !run.ring),
      (run) => `${run.model}\u0000${run.size}`,
    );
    const missing = lines.reduce((sum, line) => sum + line.counts.missing, 0);
    const failed = lines.reduce((sum, line) => sum + line.counts.failed, 0);
    const open = () => {
      load(i, state.metric);
      changed();
      byId('scores').scrollIntoView();
    };
    const own = new Set(lines.map((line) => line.size));
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
      sizes.map((size) => (own.has(size) ? winnerCell(i, lines, size) : el('td'))),
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
const acrossState = { group: 0, size: 'all' };

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
    sizes.map((size) => [size, size === 'all' ? 'all budgets' : budgetText(Number(size))]),
    acrossState.size,
    (size) => {
      acrossState.size = size;
      drawAcross();
    },
  );
  return byId('across').replaceChildren(
    el('div', { class: 'head' }, el('h3', {}, 'Average ranks over all experiments'), which, budgets),
    rankDiagram(
      group.ranks[acrossState.size],
      `bands and items of ${plural(group.experiments, 'experiment')}, by PSNR`,
    ),
  );
}
