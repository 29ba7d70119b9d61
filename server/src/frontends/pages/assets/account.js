/** Sends what the form holds, with the secret of the link, to the call that the form names. */
const form = document.querySelector('form');
const alert = document.querySelector('[role="alert"]');
const button = form.querySelector('button');
const secret = location.hash.slice(1);

// Neither the address bar nor the history keeps the secret.
history.replaceState(null, '', location.pathname + location.search);

function tell(text) {
  alert.textContent = text;
  alert.hidden = text === '';
}

async function send() {
  const wanted = { [form.dataset.secret]: secret };
  for (const { name, value } of form.querySelectorAll('input')) if (value !== '') wanted[name] = value;
  const answer = await fetch(form.dataset.call, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wanted),
    credentials: 'omit',
  });
  if (answer.ok) return undefined;
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? `The service answered ${answer.status}; try again.`;
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  button.disabled = true;
  tell('');
  const failure = await send().catch(() => 'The service cannot be reached; try again.');
  button.disabled = false;
  if (failure !== undefined) return tell(failure);
  form.hidden = true;
  document.querySelector('#done').hidden = false;
  document.querySelector('#task').hidden = true;
});

if (secret === '') {
  button.disabled = true;
  tell('This link is not whole: open it once more, to its last character.');
}
