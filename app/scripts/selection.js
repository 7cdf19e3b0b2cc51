// Keeps the ticks of a Confirm Patient List on the server as they are made, so that nothing is lost
// when the page is left; the sums above follow. Without it the buttons of the form do the same.
const form = document.getElementById("selection");
let running = false;
let again = false;

async function keep() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  const fields = new URLSearchParams(new FormData(form));
  fields.set("do", "save");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: fields,
      headers: { accept: "application/json" },
      keepalive: true,
    });
    if (answer.ok) {
      for (const [name, words] of Object.entries(await answer.json())) {
        const place = document.querySelector(`[data-count="${name}"]`);
        if (place) place.textContent = words;
      }
    }
  } catch {
    // The buttons of the form still send everything.
  }
  running = false;
  if (again) {
    again = false;
    keep();
  }
}

form?.addEventListener("change", keep);
