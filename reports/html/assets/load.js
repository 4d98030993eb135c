// The charts of a load run, or of two laid over each other. Their numbers lie in the page as JSON; without this script the tables remain.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const probe = document.body.appendChild(document.createElement("i"));
  probe.hidden = true;
  // A colour as the theme has it now; a canvas does not know light-dark().
  const colour = (name) => {
    probe.style.color = css(name);
    return getComputedStyle(probe).color;
  };
  const hues = 8;
  const hue = (number) => colour(`--hop-${((number - 1) % hues) + 1}`);
  const font = "12px " + css("--sans");
  const ms = (value) => (value == null ? "–" : `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`);
  const number = (value) => (value == null ? "–" : String(Math.round(value * 10) / 10));
  const seconds = (value) => (value == null ? "–" : `${value} s`);

  const whole = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200];

  const axis = (more) => ({
    stroke: colour("--soft"), font, gap: 6,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1, size: 4 },
    ...more,
  });
  const line = (label, stroke, more) => ({ label, stroke, width: 2, points: { show: false }, spanGaps: true, ...more });
  const dotted = { dash: [2, 4], width: 1.5 };
  // The warm-up as a shaded strip, because nothing in it counts.
  const shade = (plot) => {
    const { ctx, bbox } = plot;
    const end = plot.valToPos(data.warmup, "x", true);
    if (!data.warmup || end <= bbox.left) return;
    ctx.save();
    ctx.fillStyle = colour("--raised");
    ctx.fillRect(bbox.left, bbox.top, Math.min(end, bbox.left + bbox.width) - bbox.left, bbox.height);
    ctx.restore();
  };
  // What a line is stands on it, each at another place, so that colours are not needed to tell them apart.
  const named = (texts) => (plot) => {
    const { ctx, bbox } = plot;
    const all = texts.map((text, at) => ({ text, at: at + 1 })).filter(({ text, at }) => text && plot.series[at].show);
    const [low, high] = [plot.valToIdx(plot.scales.x.min), plot.valToIdx(plot.scales.x.max)];
    ctx.save();
    ctx.font = `600 ${12 * devicePixelRatio}px ${css("--sans")}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.lineJoin = "round";
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.strokeStyle = colour("--paper");
    all.forEach(({ text, at }, place) => {
      const values = plot.data[at];
      const left = bbox.left + (bbox.width * (place + 0.5)) / all.length;
      const distance = (index) => Math.abs(plot.valToPos(plot.data[0][index], "x", true) - left);
      let best = null;
      for (let index = low; index <= high; index += 1) {
        if (values[index] != null && (best == null || distance(index) < distance(best))) best = index;
      }
      if (best == null) return;
      const point = [plot.valToPos(plot.data[0][best], "x", true), plot.valToPos(values[best], plot.series[at].scale, true)];
      ctx.strokeText(text, ...point);
      ctx.fillStyle = colour("--ink");
      ctx.fillText(text, ...point);
    });
    ctx.restore();
  };
  const overTime = (texts) => ({
    cursor: { sync: { key: "time" }, drag: { x: true, y: false } },
    hooks: { drawClear: [shade], draw: [named(texts)] },
  });
  const scale = { time: false };

  const makers = {
    "over-time": () => ({
      ...overTime(data.latency.flatMap(({ number: at }) => [`${at}`, null])),
      scales: { x: scale, y: { range: (_, low, high) => [0, (high || 1) * 1.05] } },
      axes: [axis({ incrs: whole, values: (_, ticks) => ticks.map(seconds) }), axis({ size: 64, values: (_, ticks) => ticks.map((tick) => `${tick} ms`) })],
      series: [
        { label: "second", value: (_, value) => seconds(value) },
        ...data.latency.flatMap(({ hop, number: at }) => [
          line(`${hop} ${data.names.through}`, hue(at), { value: (_, value) => ms(value) }),
          line(`${hop} ${data.names.dotted}`, hue(at), { ...dotted, value: (_, value) => ms(value) }),
        ]),
      ],
      data: [data.t, ...data.latency.flatMap(({ through, dotted: other }) => [through, other])],
    }),
    curves: () => {
      const tables = data.curves.flatMap(({ corrected, waiting }) => (waiting ? [corrected, waiting] : [corrected]));
      const texts = data.curves.flatMap(({ number: at, waiting }) => (waiting ? [`${at}`, null] : [`${at}`]));
      return {
        hooks: { draw: [named(texts)] },
        scales: { x: { ...scale, distr: 3, log: 10 }, y: { range: (_, low, high) => [0, (high || 1) * 1.05] } },
        axes: [
          axis({
            values: (_, ticks) => ticks.map((tick) => {
              const nines = Math.log10(tick);
              return Math.abs(nines - Math.round(nines)) < 1e-6 ? percent(tick) : null;
            }),
          }),
          axis({ size: 64, values: (_, ticks) => ticks.map((tick) => `${tick} ms`) }),
        ],
        series: [
          { label: "percentile", value: (_, value) => (value == null ? "–" : percent(value)) },
          ...data.curves.flatMap(({ hop, number: at, waiting }) => [
            line(hop, hue(at), { value: (_, value) => ms(value) }),
            ...(waiting ? [line(`${hop}, ${data.names.other}`, hue(at), { ...dotted, value: (_, value) => ms(value) })] : []),
          ]),
        ],
        data: tables.length ? uPlot.join(tables) : [[]],
      };
    },
    throughput: () => ({
      ...overTime([null, "verified", "failed", "in flight"]),
      scales: { x: scale, y: { range: (_, low, high) => [0, (high || 1) * 1.1] }, flight: { range: (_, low, high) => [0, (high || 1) * 1.1] } },
      axes: [
        axis({ incrs: whole, values: (_, ticks) => ticks.map(seconds) }),
        axis({ size: 64, values: (_, ticks) => ticks.map((tick) => `${tick}/s`) }),
        axis({ side: 1, scale: "flight", size: 56, grid: { show: false } }),
      ],
      series: [
        { label: "second", value: (_, value) => seconds(value) },
        line("planned", colour("--soft"), { ...dotted, value: (_, value) => number(value) }),
        line("verified", colour("--hop-1"), { value: (_, value) => number(value) }),
        line("failed", colour("--fail"), { value: (_, value) => number(value) }),
        line("in flight", colour("--hop-2"), { scale: "flight", value: (_, value) => number(value) }),
      ],
      data: [data.t, data.planned, data.verified, data.failed, data.in_flight],
    }),
  };
  // One in 1,000 took longer: the 99.9th percentile.
  const percent = (x) => `${Number((100 - 100 / x).toPrecision(Math.max(2, Math.ceil(Math.log10(x)) + 1)))} %`;

  const plots = [];
  const draw = () => {
    for (const { plot } of plots.splice(0)) plot.destroy();
    for (const [name, make] of Object.entries(makers)) {
      const home = document.querySelector(`#${name} .plot`);
      if (!home) continue; // a comparison has fewer
      const { data: values, ...options } = make();
      const plot = new uPlot({ width: home.clientWidth, height: 300, legend: { live: true }, ...options }, values, home);
      plots.push({ plot, home });
    }
  };
  draw();
  const resized = new ResizeObserver((all) => {
    for (const { target, contentRect } of all) {
      const found = plots.find(({ home }) => home === target);
      if (found && found.plot.width !== Math.floor(contentRect.width)) found.plot.setSize({ width: Math.floor(contentRect.width), height: 300 });
    }
  });
  for (const { home } of plots) resized.observe(home);
  document.addEventListener("theme", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
