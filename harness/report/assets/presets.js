/* A preset beside the one whose extent it has, such as tuned and paper: a part for each experiment, drawn when it is
   opened. */

const rankText = (rank) => (rank === null ? '–' : String(rank));

function presetsColumns(found, e) {
  const { name, unit, digits } = metricInfo('psnr', found.bands > 1);
  const score = (key, preset) => ({
    key,
    title: `${preset} (${unit})`,
    note: `${name} under the preset ${preset}, mean over the draws that have a score under both`,
    number: true,
    value: (line) => line[key],
    cell: (line) => fixed(line[key], digits),
  });
  return [
    {
      key: 'model',
      title: 'Model',
      rowHead: true,
      value: (line) => MODELS.indexOf(line.model),
      cell: (line) => [dot(line.model), line.model],
    },
    {
      key: 'size',
      title: 'Budget',
      number: true,
      value: (line) => line.size,
      cell: (line) => budgetText(line.size),
    },
    score('before', found.against),
    score('after', e.preset),
    {
      key: 'ahead',
      title: 'Change',
      note: 'paired, with its 95 % interval over what is replicated; bold where that leaves out 0',
      number: true,
      value: (line) => line.ahead,
      cell: (line) => (line.told ? el('b', {}, line.moved) : line.moved),
    },
    {
      key: 'climbed',
      title: 'Rank',
      note: 'among the trained models, or among the yardsticks, under each preset; sorts by the places that are gained',
      number: true,
      value: ({ ranks: [before, after] }) => (before === null || after === null ? null : before - after),
      cell: (line) => line.ranks.map(rankText).join(' → '),
    },
  ];
}

function presetsPart(found) {
  const e = EXPERIMENTS[found.experiment];
  const table = el('div', { class: 'scroll' });
  const fill = (part) => {
    part.append(table, leftOutList(found.notes));
    showSorted(table, `${found.against} and ${e.preset}`, presetsColumns(found, e), found.lines, { key: 'size' });
  };
  const title = `${signalText(e)}, ${taskText(e.task)}; ${found.against} → ${variantText(e)}`;
  return foldedPart([presetMark(e), title, found.best.map((line) => el('small', { class: 'best' }, line))], fill);
}

function drawPresets() {
  byId('presets').hidden = byId('to-presets').hidden = !DATA.presets.length;
  byId('preset-sections').replaceChildren(...DATA.presets.map(presetsPart));
}
