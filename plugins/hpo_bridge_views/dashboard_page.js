// Beside the page's own script: says what the page itself does not show. That is which trials are
// not drawn, why something was refused, and that nobody answers. Every text is set as text.
(() => {
  const ask = window.fetch.bind(window);
  const samples = new Map(); // study to the name of the list of trials that this page has
  const notes = new Map();

  function show(key, text) {
    if (text) notes.set(key, text);
    else notes.delete(key);
    let box = document.getElementById("hpo-bridge-notes");
    if (!box) {
      box = document.createElement("div");
      box.id = "hpo-bridge-notes";
      box.setAttribute("role", "status");
      Object.assign(box.style, {
        position: "fixed", right: "16px", bottom: "16px", maxWidth: "40em", zIndex: 2000,
        font: "14px sans-serif", whiteSpace: "pre-line", padding: "8px 12px", color: "#fff",
        background: "#333", borderRadius: "4px", opacity: 0.92,
      });
      document.body.append(box);
    }
    box.textContent = [...notes.values()].join("\n");
    box.hidden = notes.size === 0;
  }

  window.fetch = async (resource, options) => {
    const study = /\/api\/studies\/(\d+)\?after=(\d+)$/.exec(String(resource));
    let url = resource;
    if (study && study[2] !== "0" && samples.has(study[1])) {
      url += "&sample=" + encodeURIComponent(samples.get(study[1]));
    }
    let response;
    try {
      response = await ask(url, options);
    } catch (error) {
      show("away", "The dashboard does not answer: what you see is of before. Start it again.");
      throw error;
    }
    show("away", "");
    if (response.ok && study) {
      samples.set(study[1], response.headers.get("X-Sample"));
      const notice = decodeURIComponent(response.headers.get("X-Notice") || "");
      show("study " + study[1], notice);
    }
    const name = (options && options.method) || "GET";
    if (response.ok) {
      show("refused " + name, "");
    } else {
      const answer = await response.clone().json().catch(() => ({}));
      show("refused " + name, answer.reason || response.statusText);
    }
    return response;
  };
})();
