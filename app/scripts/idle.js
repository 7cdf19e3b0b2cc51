// Shows the warning of the workspace two minutes before an idle session ends. Only what a person
// does on the server counts as activity, so nothing here talks to it.
const warning = document.getElementById("idle");
const after = Number(warning?.dataset.warnAfterMs);
if (warning && after > 0) setTimeout(() => { warning.hidden = false; }, after);
