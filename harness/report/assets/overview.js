/* What there is, what could not be read, and average ranks over signals. */

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
  el('details', {}, el('summary', {}, what), listOf(lines));

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

/* Average ranks over whole presets: one diagram at a time. */
const acrossState = { group: 0, size: '' };

function drawAcross() {
  const groups = DATA.across;
  if (!groups.length) return byId('across').replaceChildren();
  const group = groups[acrossState.group];
  const sizes = Object.keys(group.ranks);
  if (!sizes.includes(acrossState.size)) acrossState.size = fullest(group.ranks);
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
