/* The answer that the page opens with: for each experiment a small map of who is the best at each band and budget.
   Every cell is a link to the place's pictures side by side. */

const PRESETS = ['your own', 'paper', 'tuned']; // these come first

const wonText = (wins) => (wins ? ` (${wins} won)` : '');

/* `Grid is the best trained model at 30 of 54 places (12 won), Siren at 24. † Wavelet is ahead at 20. Not counted: 3
   places where most models lack scores.` */
function answerText({ places, aside, best, yardsticks }) {
  const beside = aside ? ` Not counted: ${plural(aside, 'place')} where most models lack scores.` : '';
  if (!best.length) return [aside ? beside.trim() : 'No model can be named: none has a score in every case.'];
  const [[first, number, wins], ...others] = best;
  const rest = others.slice(0, 2).map(([model, count, won]) => `, ${model} at ${count}${wonText(won)}`);
  const more = others.length > 2 ? `, ${plural(others.length - 2, 'other')} at fewer` : '';
  const none = best.some(([, , won]) => won) ? '' : '; none won: tied, or of one draw';
  const ahead = yardsticks.map(([model, count]) => `${model} at ${count}`).join(', ');
  const what = isYardstick(first) ? 'best yardstick' : 'best trained model';
  return [
    dot(first),
    el('b', {}, first),
    ` is the ${what} at ${number} of ${plural(places, 'place')}${wonText(wins)}`,
    ...rest,
    `${more}${none}.`,
    ahead ? ` † ahead of it: ${ahead}.` : '',
    beside,
  ];
}

/* The address of a place: what stands side by side there. */
function placeAddress(experiment, band, size) {
  const parts = new URLSearchParams({ e: experimentId(EXPERIMENTS[experiment]), place: `${band}/${size}` });
  return `#${parts}`;
}

function placeCell(experiment, band, size, named) {
  const place = bestAt(experiment, 'psnr', band, size);
  if (!place) return el('td', { class: 'none' });
  if (place.model === null) return el('td', { class: 'none', title: 'no model has a score in every case' }, '–');
  const among = place.models ? `${place.models.join(' of ')} models compared` : '';
  const text = `${bandText(band)}, budget ${budgetText(size)}: ${[place.told, ...(place.left_out ?? [])].join('; ')}`;
  const link = { href: placeAddress(experiment, band, size), title: text, 'data-place': `${band}/${size}` };
  const sure = `place${place.verdict === 'win' ? '' : ' unsure-place'}${place.few ? ' few' : ''}`;
  const ahead = place.yardstick ? '†' : '';
  if (!named)
    return el(
      'td',
      {},
      el(
        'a',
        { ...link, class: sure, style: groundOf(place.model), 'aria-label': text },
        mark(place.model, { ink: 'currentColor' }),
        ahead,
      ),
    );
  const { digits } = metricInfo('psnr');
  const lead = place.by === null ? '' : ` (+${fixed(place.by, digits)})`;
  return el(
    'td',
    {},
    el(
      'a',
      { ...link, class: `${sure} named`, style: groundOf(place.model) },
      el('span', {}, mark(place.model, { ink: 'currentColor', class: 'dot' }), el('b', {}, place.model)),
      el('span', {}, fixed(place.score, digits), lead),
      place.yardstick ? el('span', {}, `† ${place.yardstick} +${fixed(place.ahead, 1)}`) : '',
      among ? el('span', {}, among) : '',
    ),
  );
}

function answerMap(experiment) {
  const e = EXPERIMENTS[experiment];
  const places = e.best.psnr ?? {};
  const bands = e.bands.filter((band) => places[band]);
  const sizes = distinct(bands.flatMap((band) => Object.keys(places[band])))
    .map(Number)
    .sort(byNumber);
  if (!sizes.length) return el('p', { class: 'empty' }, 'No score in PSNR.');
  const named = bands.length === 1;
  const heads = [
    el('th', { scope: 'col' }, named ? 'budget' : ''),
    bands.map((band) =>
      el('th', { scope: 'col', title: bandText(band) }, named ? 'best, its lead' : band === WHOLE ? 'all' : band),
    ),
  ];
  const body = sizes.map((size) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, budgetText(size)),
      bands.map((band) => placeCell(experiment, band, size, named)),
    ),
  );
  const caption = `The best model of ${signalText(e)}, ${taskText(e.task)}, at each budget${named ? '' : ' (down) and band (across)'}`;
  const attributes = { class: 'answers', onkeydown: (event) => moveBetween(event, 'a') };
  return tableOf(attributes, hiddenCaption(caption), heads, body);
}

function answerCard(experiment) {
  const e = EXPERIMENTS[experiment];
  const count = (status) => rowsOf[experiment].filter((row) => statusKind(row) === status).length;
  const marks = ['failed', 'missing'].map((status) => [status, count(status)]).filter(([, number]) => number);
  const open = () => {
    load(experiment, state.metric);
    changed();
    byId('scores').scrollIntoView();
  };
  return el(
    'article',
    { class: 'card' },
    el('h3', {}, linkButton('its scores', open, `${signalText(e)}, ${taskText(e.task)}`)),
    el(
      'p',
      { class: 'under-title' },
      presetMark(e),
      el('small', {}, `${e.extent} `),
      marks.map(([status, number]) => el('span', { class: `mark ${status}` }, `${number} ${status}`)),
    ),
    answerMap(experiment),
    el('p', { class: 'answer' }, answerText(e.led)),
    placedList(e.placed),
    e.left_out.length > MANY_REMARKS
      ? el('div', { class: 'answer' }, folded(`${e.left_out.length} remarks on what is compared`, e.left_out))
      : leftOutList(e.left_out),
  );
}

// of which a card shows the number alone until it is opened
const MANY_PLACES = 6;
const MANY_REMARKS = 2;

/* Where one's own models place among the reference results. */
function placedList(lines) {
  if (!lines.length) return '';
  const what = 'Among the reference results';
  if (lines.length > MANY_PLACES) return el('div', { class: 'answer' }, folded(`${what}: ${lines.length} places`, lines));
  return el('div', { class: 'answer' }, `${what}:`, listOf(lines));
}

function drawAnswers() {
  const groups = distinct(EXPERIMENTS.map(presetText)).sort(
    (a, b) => (PRESETS.indexOf(a) + 9) % 9 - (PRESETS.indexOf(b) + 9) % 9,
  );
  const shown = distinct(EXPERIMENTS.flatMap((e) => e.led.best.map(([model]) => model))).sort(byModel);
  byId('winners-legend').replaceChildren(...shown.map((model) => el('span', {}, dot(model), model)));
  byId('winners').replaceChildren(
    ...groups.flatMap((group) => {
      const own = EXPERIMENTS.map((e, i) => [e, i]).filter(([e]) => presetText(e) === group);
      const led = DATA.led[own[0][0].preset];
      const several = own.length > 1 && group !== 'your own';
      return [
        groups.length > 1 || several
          ? el(
              'p',
              { class: 'group-answer' },
              presetMark(own[0][0]),
              several ? answerText(led) : '',
            )
          : '',
        el(
          'div',
          { class: 'maps' },
          own.map(([, i]) => answerCard(i)),
        ),
        ...own.map(([, i]) => ownAnswer(i)),
      ];
    }),
  );
}

/* Arrow keys in a table of links or buttons. kind: their element's name. */
function moveBetween(event, kind) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const cell = event.target.closest('td');
  if (!step || !cell) return null;
  const next = cell
    .closest('tbody')
    .rows[cell.parentNode.rowIndex - 1 + step[0]]?.cells[cell.cellIndex + step[1]]?.querySelector(kind);
  if (!next) return null;
  event.preventDefault();
  next.focus();
  return next;
}
