/* Significance: every model's difference to the best or to the baseline, and average ranks over items. */

const significance = { to: 'best', size: '' };

function drawSignificance() {
  const choices = [['best', 'to the best']];
  if (current.models.includes(BASELINE)) choices.push(['baseline', `to ${BASELINE}`]);
  else significance.to = 'best';
  segments(byId('significance-to'), choices, significance.to, (to) => {
    significance.to = to;
    drawSignificance();
  });
  byId('differences').replaceChildren(...differenceTable(chosenLines()));
  drawItemRanks();
}

/* Models × budgets: coloured where the replicates tell the two apart, else grey. */
function differenceTable(lines) {
  const { digits, higher, name } = chosenMetric();
  const of = (line) => line[significance.to];
  const tested = lines.filter((line) => of(line) !== null);
  if (!tested.length) return [el('p', { class: 'empty' }, 'It takes two models that have scores in the same cases.')];
  const sizes = distinct(lines.map((line) => line.size)).sort(byNumber);
  const cell = (model, size) => {
    const line = lines.find((one) => one.model === model && one.size === size);
    if (!line || of(line) === null) return emptyCell(line);
    const [difference, , p] = of(line);
    const told = toldApart(of(line), digits);
    const verb = told ? (difference > 0 === higher ? 'better' : 'worse') : 'unsure';
    return el(
      'td',
      { class: `number ${verb}` },
      signed(difference, digits),
      el('small', { class: 'under' }, intervalText(of(line), digits), known(p) ? ` ${pText(p)}` : ''),
    );
  };
  const emptyCell = (line) => {
    if (line?.rank === 1 && significance.to === 'best') return el('td', { class: 'number faint' }, 'the best');
    if (line?.model === BASELINE && significance.to === 'baseline') return el('td', { class: 'none' });
    return el('td', { class: 'number faint', title: 'no score on some draw of the other' }, '–');
  };
  const body = current.models
    .filter((model) => lines.some((line) => line.model === model))
    .map((model) => {
      const cells = sizes.map((size) => cell(model, size));
      return modelRow(model, cells);
    });
  const caption = hiddenCaption('Differences between models');
  const table = tableOf({ class: 'differences' }, caption, [el('th'), budgetHeads(sizes)], body);
  return [el('p', { class: 'hint' }, significanceNote(name, lines)), table];
}

/* What was replicated, how often, and whether that can tell anything. */
function significanceNote(name, lines) {
  const what = significance.to === 'best' ? 'the best trained model of the budget' : BASELINE;
  const several = state.item === ALL && current.items.length > 1 && !EXPERIMENTS[state.experiment].fixed_items;
  const noun = several ? 'item' : lines.some((line) => line.signals > 1) ? 'signal' : 'seed';
  const replicates = Math.max(...lines.map((line) => line[`${noun}s`]));
  const compared = lines.map(
    (line) => bestAt(state.experiment, state.metric, ALL, line.size)?.bands ?? current.bands.length,
  );
  const bands = distinct([Math.min(...compared), Math.max(...compared)]).join(' to ');
  const band = state.band === ALL ? `mean over ${bands} bands` : `band ${bandText(state.band)}`;
  const over = `Difference in ${name} to ${what}; ${current.bands.length > 1 ? `${band}; ` : ''}`;
  const family =
    significance.to === 'best'
      ? 'all pairs of models, as the same scores chose the best, at most to the greatest p, which is that of a win over all'
      : 'the comparisons of a column';
  if (replicates < 2)
    return `${over}one ${noun}: one draw has no spread, so no difference can be told from chance.`;
  return `${over}replicated: ${plural(replicates, noun)}. In brackets the 95 % interval of that difference alone; p by Holm over ${family}. Coloured: p\u00a0<\u00a0.05.`;
}

function drawItemRanks() {
  const base = metricInfo(state.metric).base.replace('gain', 'psnr');
  const ranks = EXPERIMENTS[state.experiment].ranks[base] ?? {};
  const sizes = Object.keys(ranks);
  if (!sizes.includes(significance.size)) significance.size = fullest(ranks);
  segments(
    byId('significance-sizes'),
    sizes.map((size) => [size, budgetText(Number(size))]),
    significance.size,
    (size) => {
      significance.size = size;
      drawItemRanks();
    },
  );
  byId('ranks').replaceChildren(
    sizes.length
      ? rankDiagram(ranks[significance.size], 'item', `by ${metricInfo(base).name}`)
      : el(
          'p',
          { class: 'empty' },
          'Average ranks need three trained models and several images or volumes: bands, rings, seeds and budgets are no replicates of a signal.',
        ),
  );
}

/* The budget whose ranks are over the most data sets, of several the largest. ranks: by budget. */
const fullest = (ranks) => {
  const most = Math.max(...Object.values(ranks).map(({ sets }) => sets));
  return Object.keys(ranks).findLast((size) => ranks[size].sets === most) ?? '';
};

/* Demšar's diagram: models at their average ranks, bars over those whose ranks differ by less than the critical difference.
   set: what is a data set. */
function rankDiagram(ranks, set, over) {
  const order = ranks.average
    .map((average, i) => ({ average, model: ranks.models[i] }))
    .sort((a, b) => a.average - b.average);
  const [count, scale, top, step] = [order.length, 460, 46, 20];
  const side = Math.max(150, 20 + 7 * Math.max(...order.map(({ model }) => `${model} 10.00`.length))); // of names
  const width = scale + 2 * side;
  const x = (rank) => side + ((rank - 1) / Math.max(1, count - 1)) * scale;
  const numbered = Math.ceil((18 * (count - 1)) / scale); // every so many ranks, as a number takes 18 pixels
  const { groups } = ranks;
  const half = Math.ceil(count / 2);
  const below = top + 14 + 7 * groups.length;
  const height = below + step * half + 8;
  const marks = [svg('line', { x1: x(1), x2: x(count), y1: top, y2: top, class: 'axis' })];
  for (let rank = 1; rank <= count; rank += 1) {
    marks.push(
      svg('line', { x1: x(rank), x2: x(rank), y1: top - 5, y2: top, class: 'axis' }),
      (rank - 1) % numbered ? '' : svg('text', { x: x(rank), y: top - 9, 'text-anchor': 'middle' }, String(rank)),
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
  const told = ranks.tells
    ? ` Friedman’s test of no difference at all: ${pText(ranks.friedman)}.`
    : ` So few ${set}s that no two models could come out apart.`;
  const partial = ranks.sets < ranks.of ? ` (of ${ranks.of}: most models lack the others)` : '';
  const every = ranks.models.length + ranks.without.length;
  const without = ranks.without.length
    ? ` Left out: ${ranks.without.length} of ${every} models, which lack some of these: ${ranks.without.join(', ')}.`
    : '';
  const text = order.map(({ model, average }) => `${model} ${average.toFixed(2)}`).join(', ');
  return el(
    'figure',
    { class: 'ranks', style: `--least:${0.93 * width}px` }, // else letters would be too small to read
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
      `Average ranks of the trained models over ${plural(ranks.sets, set)}${partial}, ${over}; 1 is the best.${told}${without}`,
    ),
  );
}
