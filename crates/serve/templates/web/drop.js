// Hashes a dropped or chosen file here, and asks for its digest. The file goes nowhere.
"use strict";

const LIMIT = 2 ** 31; // WebCrypto takes a file whole
const drop = document.getElementById("drop");
const file = document.getElementById("file");
const said = document.getElementById("said");

async function look(chosen) {
  if (chosen.size > LIMIT) {
    said.textContent = `${chosen.name} is too large for a browser to hash: sha256sum prints the digest, type it in above.`;
    return;
  }
  if (!globalThis.crypto?.subtle) {
    said.textContent = "The browser hashes over HTTPS or on this machine only: sha256sum prints the digest, type it in above.";
    return;
  }
  said.textContent = `Hashing ${chosen.name} …`;
  try {
    const hash = await crypto.subtle.digest("SHA-256", await chosen.arrayBuffer());
    const hex = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
    location.assign(`/search?digest=sha256:${hex}`);
  } catch {
    said.textContent = `${chosen.name} cannot be read.`;
  }
}

if (drop) {
  // A file that misses the field must not replace the page.
  for (const type of ["dragover", "drop"]) {
    window.addEventListener(type, (event) => event.preventDefault());
  }
  drop.addEventListener("dragenter", () => drop.classList.add("over"));
  drop.addEventListener("dragover", () => drop.classList.add("over"));
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    const [chosen] = event.dataTransfer.files;
    if (chosen) look(chosen);
  });
  file.addEventListener("change", () => {
    if (file.files[0]) look(file.files[0]);
  });
}
