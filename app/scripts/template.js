// Shows how a template reads while it is typed: asks the server for its own preview and findings.
// Without it the Preview button does the same.
const form = document.getElementById("template");
const PAUSE_MS = 600;
let timer;
let asked = 0;

async function look() {
  const turn = ++asked;
  const fields = new URLSearchParams(new FormData(form));
  fields.set("do", "preview");
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields });
    if (!answer.ok || turn !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["preview", "findings"]) {
      const fresh = page.getElementById(id);
      if (fresh) document.getElementById(id)?.replaceChildren(...fresh.childNodes);
    }
  } catch {
    // The Preview button still asks.
  }
}

form?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE_MS);
});
