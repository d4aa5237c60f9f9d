// A bar chart as SVG text: names, bars and numbers, nothing else.
const row = 28;
const left = 250;
const widest = 420;

/** `values` are seconds by name; bars are in milliseconds, on a linear scale. */
export function renderBars(title, values) {
  const entries = Object.entries(values);
  const most = Math.max(...entries.map(([, value]) => value));
  const bars = entries.map(([name, value], at) => {
    const y = 44 + at * row;
    const color = name.startsWith('ch-run-ts') ? '#1f6feb' : '#8b949e';
    const width = Math.max(1, (value / most) * widest);
    return [
      `<text x="${left - 10}" y="${y + 15}" text-anchor="end">${name}</text>`,
      `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="20" fill="${color}"/>`,
      `<text x="${(left + width + 8).toFixed(1)}" y="${y + 15}">${(value * 1000).toFixed(2)}</text>`,
    ].join('\n');
  });
  const size = `width="${left + widest + 90}" height="${60 + entries.length * row}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="14">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="10" y="26" font-size="16">${title}</text>`,
    ...bars,
    '</svg>\n',
  ].join('\n');
}
