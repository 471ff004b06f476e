// The page is made by the server alone: this asks for it again and puts its parts in place of those shown.
const SECONDS_BETWEEN = 1;
const said = document.getElementById("said");

async function renew(...ids) {
  const answer = await fetch("/");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
}

async function toggle(button) {
  const { fault, share } = button.dataset;
  button.disabled = true;
  const answer = await fetch("/simulator/faults", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ fault, share: Number(share) }),
  });
  said.textContent = answer.ok ? `${fault} is ${Number(share) ? "on" : "off"}` : (await answer.json()).message;
  const place = button.closest("section").id;
  await renew("on", "served", "faults");
  const again = document.querySelector(`#${place} button[data-fault="${fault}"]`);
  (again || document.querySelector("#on h2")).focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-fault]");
  if (button) toggle(button).catch(() => { said.textContent = "the simulator does not answer"; });
});
setInterval(() => renew("served", "counts", "last").catch(() => { said.textContent = "the simulator does not answer"; }), SECONDS_BETWEEN * 1000);
