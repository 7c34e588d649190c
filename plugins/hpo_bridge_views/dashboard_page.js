// Beside the page's own script: says what the page itself does not show. That is which trials are
// not drawn, why something was refused, and that nobody answers. Every text is set as text.
// And asks for the study at once, while the page's own script, which is long, is loaded.
(() => {
  const ask = window.fetch.bind(window);
  const samples = new Map(); // study to the name of the list of trials that this page has
  const notes = new Map();
  const begun = new Map(); // address to the answer that is under way

  const opened = /^\/dashboard\/studies\/(\d+)(\/?$)?/.exec(location.pathname);
  if (opened) {
    const study = "/api/studies/" + opened[1];
    const whole = opened[2] !== undefined; // the page that shows importance, too
    for (const url of [study + "?after=0", ...(whole ? [study + "/param_importances"] : [])]) {
      const answer = ask(url);
      answer.catch(() => {}); // whoever takes it sees it
      begun.set(url, answer);
    }
  }

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
      const answer = begun.get(url) || ask(url, options);
      begun.delete(url);
      response = await answer;
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
