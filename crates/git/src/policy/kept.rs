//! What was proven of a signature before, as far as judging needs it: who signed, and when.
//!
//! It is a function of the object and of the trusted roots alone. Who may sign is asked anew each time, and what was not
//! proven is not kept: a note may prove it tomorrow.

use serde::{Deserialize, Serialize};
use signhere_pki::time::Time;
use signhere_verify::verdict::{
    ExtensionEvidence, IdentityEvidence, Step, TimeEvidence, TimeSource, Verdict,
};

use crate::cache::{Cache, Key};
use crate::object::ObjectId;
use crate::proof::Proven;

/// What these are kept under, beside verdicts of other forms.
const FORM: [u8; 32] = *b"signhere git proof, version 1\0\0\0";
const KINDS: [&str; 4] = ["email", "uri", "otherName", "dns"];

#[derive(Deserialize, Serialize)]
struct Kept {
    id: String,
    identity: String,
    kind: String,
    issuer: String,
    extensions: Vec<(String, String)>,
    times: Vec<i64>,
    instance: Option<String>,
}

/// The proof of an object's signature, if one was kept.
pub(super) fn find(cache: &Cache, id: &ObjectId) -> Option<Proven> {
    let bytes = cache.find(&Key::new(id, &FORM))?;
    let kept: Kept = serde_json::from_slice(&bytes).ok()?;
    let kind = KINDS.into_iter().find(|kind| *kind == kept.kind)?;
    if kept.id != id.to_string() || kept.times.is_empty() {
        return None;
    }
    let extension = |(oid, value): (String, String)| ExtensionEvidence {
        oid,
        name: "",
        value,
    };
    let identity = IdentityEvidence {
        identity: kept.identity,
        kind,
        issuer: kept.issuer,
        issuer_from: "certificate",
        extensions: kept.extensions.into_iter().map(extension).collect(),
    };
    let time = |seconds: i64| TimeSource {
        time: Time::from_unix(seconds),
        kind: "kept",
        authority: String::new(),
        serial: None,
    };
    let times = kept.times.into_iter().map(time).collect();
    Some(Proven {
        verdict: Verdict {
            steps: vec![Step::Time(TimeEvidence { times }), Step::Identity(identity)],
            failure: None,
            unknown_fields: Vec::new(),
        },
        instance: kept.instance,
    })
}

/// Keeps the proof of an object's signature by a certificate.
pub(super) fn keep(cache: &Cache, id: &ObjectId, proven: &Proven) {
    let mut times = Vec::new();
    let mut found = None;
    for step in &proven.verdict.steps {
        match step {
            Step::Time(time) => times.extend(time.times.iter().map(|one| one.time.unix())),
            Step::Identity(identity) => found = Some(identity),
            _ => {}
        }
    }
    let Some(identity) = found.filter(|_| !times.is_empty()) else {
        return;
    };
    let extensions = identity.extensions.iter();
    let kept = Kept {
        id: id.to_string(),
        identity: identity.identity.clone(),
        kind: identity.kind.to_owned(),
        issuer: identity.issuer.clone(),
        extensions: extensions
            .map(|one| (one.oid.clone(), one.value.clone()))
            .collect(),
        times,
        instance: proven.instance.clone(),
    };
    if let Ok(bytes) = serde_json::to_vec(&kept) {
        // A full disk is no reason not to judge.
        let _ = cache.keep(Key::new(id, &FORM), &bytes);
    }
}
