// A bar chart as SVG text: names, bars and numbers, nothing else; in the reader's light or dark colours.
const row = 28;
const left = 250;
const widest = 420;

/** `values` are seconds by name; bars show how many times `unit` they are, on a linear scale. */
export function renderBars(title, values, unit) {
  const entries = Object.entries(values);
  const most = Math.max(...entries.map(([, value]) => value));
  const bars = entries.map(([name, value], at) => {
    const y = 44 + at * row;
    const kind = name.startsWith('ch-run-ts') ? 'own' : 'other';
    const width = Math.max(1, (value / most) * widest);
    return [
      `<text x="${left - 10}" y="${y + 15}" text-anchor="end">${name}</text>`,
      `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="20" class="${kind}"/>`,
      `<text x="${(left + width + 8).toFixed(1)}" y="${y + 15}">${(value / unit).toFixed(2)}</text>`,
    ].join('\n');
  });
  const size = `width="${left + widest + 90}" height="${60 + entries.length * row}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="14">`,
    '<style>text { fill: #1f2328 } .own { fill: #0969da } .other { fill: #8c959f }',
    '@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .own { fill: #4493f8 } .other { fill: #6e7681 } }</style>',
    `<text x="10" y="26" font-size="16">${title}</text>`,
    ...bars,
    '</svg>\n',
  ].join('\n');
}
