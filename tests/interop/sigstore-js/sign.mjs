// Signs a file or an in-toto statement with sigstore-js's own library, which is what its command line is made of; that
// command line itself writes to logs of version 1 only. Where to sign is read through TUF.
//
// usage: sign.mjs file|statement FILE BUNDLE MIRROR ROOT CACHE     (the identity token is in SIGSTORE_ID_TOKEN)

import { readFile, writeFile } from "node:fs/promises";
import { bundleToJSON } from "@sigstore/bundle";
import {
  CIContextProvider, DSSEBundleBuilder, FulcioSigner, MessageSignatureBundleBuilder, RekorWitness, TSAWitness,
} from "@sigstore/sign";
import { initTUF } from "@sigstore/tuf";

const [kind, file, bundle, mirrorURL, rootPath, cachePath] = process.argv.slice(2);
const repository = await initTUF({ mirrorURL, rootPath, cachePath });
const services = JSON.parse(await repository.getTarget("signing_config.v0.2.json"));

const now = Date.now();
function newest(listed) {
  const open = listed.filter(({ validFor: { start, end } }) => Date.parse(start) <= now && !(Date.parse(end) < now));
  return open.sort((a, b) => Date.parse(b.validFor.start) - Date.parse(a.validFor.start))[0];
}

const log = newest(services.rekorTlogUrls);
const options = {
  signer: new FulcioSigner({ fulcioBaseURL: newest(services.caUrls).url, identityProvider: new CIContextProvider() }),
  witnesses: [
    new RekorWitness({ rekorBaseURL: log.url, majorApiVersion: log.majorApiVersion }),
    new TSAWitness({ tsaBaseURL: newest(services.tsaUrls).url }),
  ],
};
const data = await readFile(file);
const signed = kind === "statement"
  ? await new DSSEBundleBuilder(options).create({ data, type: "application/vnd.in-toto+json" })
  : await new MessageSignatureBundleBuilder(options).create({ data });
await writeFile(bundle, JSON.stringify(bundleToJSON(signed)));
