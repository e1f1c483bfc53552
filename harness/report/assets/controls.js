/* The form that chooses what is shown. */

function select(label, id, options, chosen, choose) {
  const made = options.map(([name, text]) =>
    el('option', { value: name, selected: String(name) === String(chosen) }, text),
  );
  return el(
    'label',
    { class: 'field' },
    el('span', {}, label),
    el('select', { id, onchange: (event) => choose(event.target.value) }, made),
  );
}

function chips(label, name, values, text) {
  if (values.length < 2) return null;
  const set = (chosen) => {
    state[name] = new Set(chosen);
    changed();
    focusOn(`[data-chips="${name}"] button`);
  };
  const chip = (one) =>
    el(
      'label',
      { class: 'chip' },
      el('input', {
        type: 'checkbox',
        name,
        value: String(one),
        checked: state[name].has(one),
        onchange: (event) => {
          if (event.target.checked) state[name].add(one);
          else state[name].delete(one);
          changed();
          focusOn(`input[name="${name}"][value="${CSS.escape(String(one))}"]`);
        },
      }),
      el('span', {}, text(one)),
    );
  const every = values.every((one) => state[name].has(one));
  return el(
    'fieldset',
    { 'data-chips': name },
    el(
      'legend',
      {},
      label,
      el(
        'button',
        { type: 'button', class: 'quiet', onclick: () => set(every ? [] : values) },
        every ? 'none' : 'all',
      ),
    ),
    values.map(chip),
  );
}

const focusOn = (selector) => byId('controls').querySelector(selector)?.focus();

function drawControls() {
  const e = EXPERIMENTS[state.experiment];
  const places = EXPERIMENTS.map((one, i) => [i, one]);
  const signals = distinct(EXPERIMENTS.map(signalText)).map((text) => [
    places.find(([, one]) => signalText(one) === text)[0],
    text,
  ]);
  const tasks = distinct(places.filter(([, one]) => signalText(one) === signalText(e)).map(([, one]) => one.task));
  const same = places.filter(([, one]) => signalText(one) === signalText(e) && one.task === e.task);
  const first = signals.find(([, text]) => text === signalText(e))[0];
  const go = (experiment) => {
    load(Number(experiment), state.metric);
    changed();
  };
  const goThen = (id) => (experiment) => {
    go(experiment);
    focusOn(`#${id}`);
  };
  byId('controls').replaceChildren(
    el(
      'div',
      { class: 'row' },
      select('Signal', 'choose-signal', signals, first, goThen('choose-signal')),
      select(
        'Task',
        'choose-task',
        tasks.map((task) => [
          places.find(([, one]) => signalText(one) === signalText(e) && one.task === task)[0],
          taskText(task),
        ]),
        places.find(([, one]) => signalText(one) === signalText(e) && one.task === e.task)[0],
        goThen('choose-task'),
      ),
      select(
        'Run as',
        'choose-variant',
        same.map(([i, one]) => [i, variantText(one)]),
        state.experiment,
        goThen('choose-variant'),
      ),
      select(
        'Metric',
        'choose-metric',
        e.metrics.map((metric) => [metric, metricInfo(metric).long]),
        state.metric,
        (metric) => {
          load(state.experiment, metric);
          changed();
          focusOn('#choose-metric');
        },
      ),
      current.items.length > 1
        ? select(
            'Item',
            'choose-item',
            [[ALL, 'all items'], ...current.items.map((item) => [item, itemText(e, item)])],
            state.item,
            (item) => {
              state.item = item;
              changed();
              focusOn('#choose-item');
            },
          )
        : null,
      current.bands.length > 1
        ? select(
            'Band',
            'choose-band',
            distinct([defaultBand(), ...current.bands]).map((band) => [band, bandText(band)]),
            state.band,
            (band) => {
              state.band = band;
              changed();
              focusOn('#choose-band');
            },
          )
        : null,
    ),
    chips('Models', 'models', current.models, nameOf) ?? '',
    chips('Budgets', 'sizes', current.sizes, budgetText) ?? '',
  );
}
