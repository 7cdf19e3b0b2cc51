// Follows work on the server: asks for its progress every second and reloads when it has ended.
// Asking is not activity: the header keeps it from extending the session.
const box = document.getElementById("progress");
const bar = box?.querySelector("progress");
const words = box?.querySelector("span:last-child");

async function look() {
  let answer;
  try {
    const response = await fetch(box.dataset.source, { headers: { "x-live-update": "1" } });
    if (!response.ok) throw new Error(String(response.status));
    answer = await response.json();
  } catch {
    setTimeout(look, 5000);
    return;
  }
  if (answer.ended) {
    location.reload();
    return;
  }
  bar.max = Math.max(1, answer.total);
  bar.value = answer.done;
  words.textContent = answer.words;
  setTimeout(look, 1000);
}

if (box) setTimeout(look, 500);
