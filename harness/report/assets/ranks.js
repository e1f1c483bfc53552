/* Significance: the matrix of pairs, and average ranks with their critical difference. */

const verdictState = { size: 'all' };

/* Whether there are draws enough for any pair to pass: the least p of n draws is 2 / 2ⁿ, times the number of pairs. */
const canTell = (verdict) => verdict.pairs.some((pair) => 2 ** (1 - pair[2]) * verdict.pairs.length < 0.05);

function drawSignificance() {
  const metric = state.metric === 'gain' ? 'psnr' : state.metric.split('_')[0];
  const verdicts = DATA.verdicts[state.experiment]?.[metric] ?? {};
  const sizes = Object.keys(verdicts);
  if (!sizes.length) {
    byId('significance-sizes').replaceChildren();
    byId('ranks').replaceChildren();
    return byId('pairs').replaceChildren(el('p', { class: 'empty' }, 'It takes two models with a score.'));
  }
  if (!sizes.includes(verdictState.size)) verdictState.size = sizes.at(-1);
  segments(
    byId('significance-sizes'),
    sizes.map((size) => [size, size === 'all' ? 'all budgets' : budgetText(Number(size))]),
    verdictState.size,
    (size) => {
      verdictState.size = size;
      drawSignificance();
    },
  );
  const verdict = verdicts[verdictState.size];
  byId('pairs').replaceChildren(...pairTable(verdict, metric));
  return byId('ranks').replaceChildren(
    verdict.ranks
      ? rankDiagram(verdict.ranks, `bands and items by ${metricInfo(metric).name}`)
      : el('p', { class: 'empty' }, 'Ranks need two bands or items in which the models have scores.'),
  );
}

/* Row minus column: coloured where the draws tell the two apart, else grey. */
function pairTable(verdict, metric) {
  const { digits, higher, name } = metricInfo(metric);
  const models = verdict.models;
  const tells = canTell(verdict);
  const cell = (i, j) => {
    if (i === j) return el('td', { class: 'none' });
    const pair = verdict.pairs.find(([a, b]) => a === Math.min(i, j) && b === Math.max(i, j));
    const [, , n, difference, , p] = pair;
    if (!n) return el('td', { class: 'number faint', title: 'no draw that both have' }, '–');
    const own = (i < j ? 1 : -1) * difference;
    const verb = p < 0.05 ? (own > 0 === higher ? 'better' : 'worse') : 'unsure';
    return el(
      'td',
      { class: `number ${verb}`, title: `${models[i]} against ${models[j]}: ${n} draws, adjusted ${pText(p)}` },
      signed(own, digits),
      tells ? el('small', {}, ` ${pText(p).replace('p\u00a0', '').replace('=\u00a0', '')}`) : null,
    );
  };
  const most = Math.max(...verdict.pairs.map((pair) => pair[2]));
  const told = tells ? 'Coloured: p\u00a0<\u00a0.05.' : 'So few that no difference can come out significant.';
  const table = el(
    'table',
    { class: 'pairs' },
    el('caption', { class: 'hidden' }, 'Differences of all pairs of models'),
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        el('th'),
        models.map((model) => el('th', { scope: 'col', class: 'number' }, model)),
      ),
    ),
    el(
      'tbody',
      {},
      models.map((model, i) =>
        el(
          'tr',
          {},
          el('th', { scope: 'row' }, dot(model), model),
          models.map((_, j) => cell(i, j)),
        ),
      ),
    ),
  );
  const note = `Mean difference in ${name}, row minus column, and Holm-adjusted p. Up to ${plural(most, 'shared draw')}. ${told}`;
  return [el('p', { class: 'hint' }, note), table];
}

/* Demšar's diagram: models at their average ranks, bars over those whose ranks differ by less than the critical difference. */
function rankDiagram(ranks, over) {
  const order = ranks.average
    .map((average, i) => ({ average, model: ranks.models[i] }))
    .sort((a, b) => a.average - b.average);
  const [count, width, side, top, step] = [order.length, 760, 150, 46, 20];
  const x = (rank) => side + ((rank - 1) / Math.max(1, count - 1)) * (width - 2 * side);
  const groups = [];
  for (let i = 0; i < count; i += 1) {
    let j = i;
    while (j + 1 < count && order[j + 1].average - order[i].average < ranks.critical) j += 1;
    if (j > i && !groups.some(([, end]) => end >= j)) groups.push([i, j]);
  }
  const half = Math.ceil(count / 2);
  const below = top + 14 + 7 * groups.length;
  const height = below + step * half + 8;
  const marks = [svg('line', { x1: x(1), x2: x(count), y1: top, y2: top, class: 'axis' })];
  for (let rank = 1; rank <= count; rank += 1) {
    marks.push(
      svg('line', { x1: x(rank), x2: x(rank), y1: top - 5, y2: top, class: 'axis' }),
      svg('text', { x: x(rank), y: top - 9, 'text-anchor': 'middle' }, String(rank)),
    );
  }
  const beyond = x(1 + ranks.critical) > x(count);
  const end = beyond ? x(count) : x(1 + ranks.critical);
  marks.push(
    svg('text', { x: x(1) - 8, y: 18, 'text-anchor': 'end' }, 'critical difference'),
    svg('line', { x1: x(1), x2: end, y1: 14, y2: 14, class: 'group' }),
    svg('text', { x: end + 8, y: 18 }, `${beyond ? '→ ' : ''}${ranks.critical.toFixed(2)}`),
  );
  groups.forEach(([i, j], k) =>
    marks.push(
      svg('line', {
        x1: x(order[i].average) - 4,
        x2: x(order[j].average) + 4,
        y1: top + 8 + 7 * k,
        y2: top + 8 + 7 * k,
        class: 'group',
      }),
    ),
  );
  order.forEach(({ model, average }, i) => {
    const left = i < half;
    const y = below + step * (left ? i : count - 1 - i) + 10;
    const end = left ? side - 8 : width - side + 8;
    marks.push(
      svg('polyline', {
        points: `${x(average)},${top} ${x(average)},${y} ${end},${y}`,
        class: 'leader',
        stroke: lookOf(model).colour,
      }),
      svg(
        'text',
        { x: left ? end - 5 : end + 5, y: y + 4, 'text-anchor': left ? 'end' : 'start' },
        `${model} ${average.toFixed(2)}`,
      ),
    );
  });
  const told = ranks.friedman === null ? '' : ` Friedman’s test of no difference at all: ${pText(ranks.friedman)}.`;
  const partial = ranks.sets < ranks.of ? ` (${ranks.of - ranks.sets} more are incomplete)` : '';
  const text = order.map(({ model, average }) => `${model} ${average.toFixed(2)}`).join(', ');
  return el(
    'figure',
    { class: 'ranks' },
    el(
      'div',
      { class: 'scroll' },
      svg(
        'svg',
        { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `Average ranks, best first: ${text}` },
        marks,
      ),
    ),
    el(
      'figcaption',
      {},
      `Average ranks over ${whole(ranks.sets)} data sets${partial}: ${over}; 1 is the best.${told}`,
    ),
  );
}
