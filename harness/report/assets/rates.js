/* Quality against bits: a part for each experiment whose rows were coded, drawn when it is opened. */

const isCodec = (line) => known(line.place);
const DASHES = ['—', '– –', '· ·', '– · –']; // of the codecs' lines, in the legend

function ratesColumns(found) {
  const against = found.reference ? `against ${found.reference}` : '';
  const columns = [
    {
      key: 'name',
      title: 'Model or codec',
      rowHead: true,
      value: (line) => line.name,
      cell: (line) => [isCodec(line) || !MODELS.includes(line.name) ? '' : dot(line.name), line.name],
    },
    {
      key: 'least',
      title: 'Bits a sample',
      note: 'of whole files, over the samples that are scored, all channels together: the least and the most of its line',
      number: true,
      value: (line) => line.points[0][0],
      cell: (line) => spanText(line, 0, (x) => String(Number(x.toPrecision(3)))),
    },
    {
      key: 'psnr',
      title: 'PSNR (dB)',
      note: 'of what the files decode to, the least and the most of its line',
      number: true,
      value: (line) => line.points.at(-1)[1],
      cell: (line) => spanText(line, 1, (x) => fixed(x, 1)),
    },
  ];
  if (!against) return columns;
  return [
    ...columns,
    {
      key: 'gain',
      title: `PSNR ${against} (dB)`,
      note: 'Bjøntegaard’s difference: the mean over the logarithms of the rates that both lines cover; none where they share no rate',
      number: true,
      value: (line) => line.psnr,
      cell: (line) => (known(line.psnr) ? signed(line.psnr, 2) : '–'),
    },
    {
      key: 'saved',
      title: `Bits ${against} (%)`,
      note: 'Bjøntegaard’s difference: more or fewer bits at equal PSNR; none where both lines share no PSNR',
      number: true,
      value: (line) => line.rate,
      cell: (line) => (known(line.rate) ? signed(100 * line.rate, 0) : '–'),
    },
  ];
}

function spanText(line, at, text) {
  const [least, most] = [line.points[0][at], line.points.at(-1)[at]].map(text);
  return least === most ? least : `${least} – ${most}`;
}

const ratesCsv = (found) =>
  [
    ['name', 'codec', 'bits_a_sample', 'psnr'],
    ...found.lines.flatMap((line) => line.points.map((point) => [line.name, String(isCodec(line)), ...point])),
  ]
    .map((cells) => cells.map(csvCell).join(','))
    .join('\r\n');

function drawRates(found, chart, table) {
  const points = found.lines.flatMap((line) => {
    const { name, points: own } = line;
    const codec = isCodec(line);
    const path = codec ? 'circle' : lookOf(name).path;
    return own.map(([rate, psnr]) => {
      const [bits, score] = [rate.toPrecision(3), `${fixed(psnr, 2)} dB`];
      return { name, codec, rate, psnr, path, bits, score };
    });
  });
  const title = 'PSNR against bits a sample';
  if (window.vegaEmbed && DATA.charts) {
    const [models, codecs, marks] = DATA.charts.rates.layer; // an empty one would have no scale
    const lines = [[models, false], [codecs, true]].filter(([, codec]) => found.lines.some((line) => isCodec(line) === codec));
    embed(chart, { ...DATA.charts.rates, layer: [...lines.map(([one]) => one), marks] }, points, title);
  }
  showSorted(table, title, ratesColumns(found), found.lines, { key: 'gain', down: true });
}

function ratesPart(found) {
  const e = EXPERIMENTS[found.experiment];
  const [chart, table] = [el('div', { class: 'chart' }), el('div', { class: 'scroll' })];
  const legend = found.lines.map((line) =>
    el(
      'span',
      {},
      isCodec(line) ? `${DASHES[line.place % DASHES.length]} ` : MODELS.includes(line.name) ? dot(line.name) : '',
      line.name,
    ),
  );
  const fill = (part) => {
    part.append(
      el('p', { class: 'legend', 'aria-hidden': 'true' }, legend),
      chart,
      table,
      found.reference
        ? ''
        : el('p', { class: 'hint' }, 'Codecs are added by ', el('code', {}, 'python -m harness rates'), ', then report.'),
      el('p', { class: 'tools' }, csvButton('CSV of these points', 'rates.csv', () => `${ratesCsv(found)}\r\n`)),
    );
    drawRates(found, chart, table);
  };
  return foldedPart([presetMark(e), `${signalText(e)}, ${taskText(e.task)}; ${variantText(e)}`], fill);
}

function drawRateSections() {
  const found = DATA.rates ?? [];
  byId('rates').hidden = byId('to-rates').hidden = !found.length;
  byId('rate-sections').replaceChildren(...found.map(ratesPart));
}
