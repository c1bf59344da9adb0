// The source of `sf view`: records are fetched as they are looked at. What is shown is in the address, after #:
// #/attempts?grade=right is a list, #/attempts/key/KEY and #/attempts/at/PLACE are one record.
"use strict";

async function fetched(path, query) {
  const reply = await fetch(`${path}?${new URLSearchParams(query)}`);
  const found = await reply.json();
  if (!reply.ok) throw new Error(found.error);
  return found;
}

const toList = (kind, chosen) => `#/${kind}${Object.keys(chosen).length ? `?${new URLSearchParams(chosen)}` : ""}`;
const toRecord = (kind, how, what) => `#/${kind}/${how}/${encodeURIComponent(what)}`;

function served(kinds) {
  let looked = 0;
  const of = { attempt: "attempts", answer: "attempts", reflection: "reflections" };
  const keys = { problem: "problems", attempt: "attempts" };
  return {
    kinds,
    origin(block) {
      const kind = of[block.kind];
      const source = make("code", null, block.source);
      return kind ? make("a", { class: "from", href: toRecord(kind, "key", block.source) }, "cut from ", source)
        : make("span", { class: "from" }, "from ", source);
    },
    fact: (name, value) => (keys[name] ? make("a", { href: toRecord(keys[name], "key", value) }, value) : value),
    more: (record) => make("p", { class: "leads" },
      make("a", { href: toRecord(record.kind, "at", record.at) }, "this record alone"),
      record.leads.map((lead) => [" · ", make("a",
        { href: lead.key ? toRecord(lead.kind, "key", lead.key) : toList(lead.kind, lead.chosen) }, lead.title)])),
    record: (row) => fetched("/api/record", { kind: row.kind, at: row.at }),
    async list(kind, chosen, from) {
      const page = await fetched("/api/list", { ...chosen, kind, ...(from ? { from } : {}) });
      looked = (from === null ? 0 : looked) + page.looked;
      const total = kinds.find((one) => one.name === kind).total;
      const filtered = Object.keys(chosen).length > 0;
      const seen = `${count(looked)} of ${count(total)} ${kind}`;
      const end = page.next === null ? "these are all." : "look further.";
      return { ...page, said: (shown) => (filtered ? `${count(shown)} fit, of the first ${seen}; ${end}` : `${seen}.`) };
    },
  };
}

(async () => {
  const alone = document.getElementById("alone");
  const place = document.getElementById("browser");
  try {
    const run = await fetched("/api/run", {});
    document.title = `${run.name} · SkillFactory`;
    document.getElementById("name").textContent = run.name;
    document.getElementById("about").textContent = run.about.join(", ");
    if (!run.kinds.length) throw new Error("This run has no records yet. Reload this page when its first stage has some.");
    const source = served(run.kinds);
    const browser = browse(place, source, (kind, chosen) => history.replaceState(null, "", toList(kind, chosen)));
    let showing = "";
    const show = async () => {
      const [path, query] = location.hash.slice(2).split("?");
      const [kind, how, what] = path.split("/");
      const known = run.kinds.some((one) => one.name === kind);
      place.hidden = Boolean(what);
      alone.hidden = !what;
      if (!what) {
        // Coming back to a list that is there already leaves it as it was.
        if (showing !== location.hash || !showing) browser.choose(known ? kind : run.kinds[0].name, Object.fromEntries(new URLSearchParams(query ?? "")));
        showing = location.hash;
        return;
      }
      alone.replaceChildren();
      try {
        const record = await fetched("/api/record", { kind, [how]: decodeURIComponent(what) });
        alone.replaceChildren(make("p", null, make("a", { href: showing || "#/" }, "← back to the list")),
          make("h3", null, `${run.kinds.find((one) => one.name === kind).title}: ${record.heading}`),
          make("p", { class: "note" }, record.correct === null ? null : mark(record.correct ? "right" : "wrong"), " ", record.detail), recordNode(record, source, true));
      } catch (error) {
        alone.replaceChildren(make("p", { class: "missing", role: "alert" }, String(error.message ?? error)),
          make("p", null, make("a", { href: showing || "#/" }, "← back to the list")));
      }
      alone.focus();
    };
    addEventListener("hashchange", show);
    await show();
  } catch (error) {
    place.replaceChildren(make("p", { class: "missing", role: "alert" }, String(error.message ?? error)));
  }
})();
