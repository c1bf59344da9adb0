// The source of the report's browser: records that are in the page.
"use strict";

function embedded(data) {
  const PAGE = 25;
  const kinds = new Map(data.kinds.map((kind) => [kind.name, kind]));

  // A piece of a trace opens the generation that it was cut from, right there.
  function origin(block) {
    const made = data.generations[block.from];
    if (!made) return make("span", { class: "from" }, "from ", make("code", null, block.source));
    const place = make("div", { class: "origin", hidden: true });
    const button = make("button", { type: "button", class: "from", "aria-expanded": "false", click: () => {
      if (place.hidden) place.replaceChildren(make("p", { class: "origin-head" }, headNode(made)), recordNode(made, source, true));
      place.hidden = !place.hidden;
      button.setAttribute("aria-expanded", String(!place.hidden));
    } }, "cut from ", make("code", null, block.source));
    return [button, place].reduce((inside, node) => (inside.append(node), inside), make("div", { class: "origins" }));
  }

  const source = {
    kinds: data.kinds,
    origin,
    async record(row) { return row; },
    async list(name, chosen, from) {
      const kind = kinds.get(name);
      const fits = kind.rows.filter((row) => Object.entries(chosen).every(([facet, value]) => row.facets[facet] === value));
      const end = (from ?? 0) + PAGE;
      const of = kind.rows.length < kind.total ? `the ${count(kind.rows.length)} of ${count(kind.total)} ${name} that are in this page` : `all ${count(kind.total)} ${name}`;
      return {
        rows: fits.slice(from ?? 0, end),
        next: end < fits.length ? end : null,
        said: (shown) => `${count(shown)} of ${count(fits.length)} that fit, among ${of}.`,
      };
    },
  };
  return source;
}

(() => {
  const data = JSON.parse(document.getElementById("records").textContent);
  if (data.kinds.length) browse(document.getElementById("browser"), embedded(data)).choose(data.kinds[0].name, {});
})();
