// The browser of records: lists with filters, and each record opened where it stands. What a model wrote becomes text nodes,
// never markup. A source says where the records are: in this page (embedded.js) or behind `sf view` (served.js).
"use strict";

function make(tag, attributes, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...inside.flat(9).filter((one) => one !== null && one !== undefined && one !== ""));
  return node;
}

const count = (number) => number.toLocaleString("en");

function mark(note) {
  const right = note.endsWith("right");
  return make("span", { class: `mark ${right ? "right" : "wrong"}` }, `${right ? "✓" : "✗"} ${note}`);
}

function blockNode(block, source) {
  const parts = block.parts.map(([kind, text]) => (kind ? make("span", { class: kind }, text) : text));
  const item = make("li", { class: `block ${block.kind}` },
    make("span", { class: "what" }, block.name, block.note ? [" ", mark(block.note)] : null),
    make("div", { class: "said" },
      make("span", { class: "text" },
        block.opening ? make("span", { class: "tag" }, block.opening) : null, parts,
        block.closing ? make("span", { class: "tag" }, block.closing) : null)));
  if (block.source) item.querySelector(".said").append(source.origin(block));
  return item;
}

function factsNode(facts, source) {
  if (!facts?.length) return null;
  return make("dl", { class: "known" }, facts.map(([name, value]) =>
    make("div", null, make("dt", null, name), make("dd", null, source.fact?.(name, value) ?? value))));
}

// A record in full: its question, its pieces in order, what is known of it, and where to go from it.
function recordNode(record, source, open) {
  return make("div", { class: "record" },
    record.question ? make("p", { class: "asked" }, record.question) : null,
    make("ol", { class: "blocks" }, record.blocks.map((block) => blockNode(block, source))),
    make("details", { class: "sources", open: open === true },
      make("summary", null, "what is known of it"), make("p", null, "Record ", make("code", null, record.key)), factsNode(record.facts, source)),
    source.more?.(record) ?? null);
}

function headNode(row) {
  const truth = row.correct === null || row.correct === undefined ? null : mark(row.correct ? "right" : "wrong");
  return [make("span", { class: "heading" }, row.heading), truth, " ", make("small", null, row.detail), make("span", { class: "question" }, row.line)];
}

function rowNode(row, source) {
  const node = make("details", { class: "reading", "data-key": row.key }, make("summary", null, headNode(row)));
  let filled = false;
  node.addEventListener("toggle", async () => {
    if (!node.open || filled) return;
    filled = true;
    try {
      node.append(recordNode(await source.record(row), source));
    } catch (error) {
      filled = false;
      node.append(make("p", { class: "missing", role: "alert" }, String(error.message ?? error)));
    }
  });
  return make("li", null, node);
}

// The whole browser. `state` is {kind, chosen}; `told` hears of every change of it, so that an address can follow.
function browse(root, source, told) {
  const kinds = new Map(source.kinds.map((kind) => [kind.name, kind]));
  const tabs = make("div", { class: "tabs", role: "group", "aria-label": "Kinds of records" });
  const filters = make("form", { class: "filters", "aria-label": "Filters", submit: (event) => event.preventDefault() });
  const found = make("p", { class: "note", role: "status" });
  const rows = make("ol", { class: "rows" });
  const more = make("button", { type: "button", class: "more", hidden: true, click: () => load(state.next) }, "Show more");
  const state = { kind: source.kinds[0].name, chosen: {}, next: null, shown: 0, asked: 0 };
  root.replaceChildren(tabs, filters, found, rows, more);

  function choose(kind, chosen) {
    state.kind = kind;
    state.chosen = chosen;
    tabs.replaceChildren(...source.kinds.map((one) => make("button",
      { type: "button", "aria-pressed": String(one.name === kind), click: () => choose(one.name, {}) },
      one.title, " ", make("small", null, count(one.total)))));
    filters.replaceChildren(...controls(kinds.get(kind)));
    load(null);
  }

  function controls(kind) {
    const selects = kind.facets.map((facet) => make("label", null, facet.name, make("select",
      { name: facet.name, change: (event) => set(facet.name, event.target.value) },
      make("option", { value: "" }, "any"),
      facet.options.map((value) => make("option", { value, selected: state.chosen[facet.name] === value }, value)))));
    const words = (kind.words ?? []).map((name) => make("label", null, name, make("input",
      { type: "search", name, value: state.chosen[name] ?? "", autocomplete: "off", change: (event) => set(name, event.target.value.trim()) })));
    const all = make("button", { type: "button", click: () => choose(state.kind, {}) }, "Clear");
    return [...selects, ...words, selects.length || words.length ? all : ""].filter(Boolean);
  }

  function set(name, value) {
    state.chosen = { ...state.chosen };
    if (value) state.chosen[name] = value;
    else delete state.chosen[name];
    load(null);
  }

  async function load(from) {
    const asked = ++state.asked;
    if (from === null) {
      state.shown = 0;
      told?.(state.kind, state.chosen);
    }
    rows.setAttribute("aria-busy", "true");
    try {
      const page = await source.list(state.kind, state.chosen, from);
      // A later choice overtook this one.
      if (asked !== state.asked) return;
      if (from === null) rows.replaceChildren();
      const first = rows.children.length;
      rows.append(...page.rows.map((row) => rowNode(row, source)));
      if (from !== null && page.rows.length) rows.children[first].querySelector("summary").focus();
      state.next = page.next;
      state.shown += page.rows.length;
      found.textContent = page.said(state.shown);
      more.hidden = page.next === null;
    } catch (error) {
      if (asked === state.asked) found.textContent = String(error.message ?? error);
    } finally {
      rows.removeAttribute("aria-busy");
    }
  }

  return { choose };
}
