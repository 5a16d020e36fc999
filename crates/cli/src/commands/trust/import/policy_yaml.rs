//! A ClusterImagePolicy (policy.sigstore.dev): who may sign the images that it names.

use serde::Deserialize;
use signhere_pki::key::PublicKey;
use signhere_verify::policy::{Signer, Who};

use super::{Foreign, keyless, refused};
use crate::error::CliError;

/// The most signers of a policy that are translated.
const MOST: usize = 256;

#[derive(Deserialize)]
struct Policy {
    kind: String,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    authorities: Vec<Authority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authority {
    name: Option<String>,
    keyless: Option<Keyless>,
    key: Option<Key>,
    #[serde(default)]
    attestations: Vec<Attestation>,
}

#[derive(Deserialize)]
struct Keyless {
    #[serde(default)]
    identities: Vec<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    issuer: Option<String>,
    subject: Option<String>,
    issuer_reg_exp: Option<String>,
    subject_reg_exp: Option<String>,
}

#[derive(Deserialize)]
struct Key {
    data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attestation {
    predicate_type: String,
}

/// The signers of a policy.
pub(super) fn read(yaml: &str) -> Result<Vec<Foreign>, CliError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 32,
            flow_nesting_limit: 32,
            max_documents: 1,
            max_nodes: 20_000,
            max_events: 60_000,
            max_aliases: 100,
            max_anchors: 100,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
        },
    };
    let policy: Policy = serde_saphyr::from_str_with_options(yaml, options)
        .map_err(|error| refused(format_args!("it is no ClusterImagePolicy: {error}")))?;
    if policy.kind != "ClusterImagePolicy" {
        return Err(refused("it is no ClusterImagePolicy").found(policy.kind));
    }
    let found: Vec<Foreign> = policy
        .spec
        .authorities
        .iter()
        .flat_map(signers)
        .take(MOST.saturating_add(1))
        .collect();
    match found.len() {
        0 => Err(refused("it names nobody")),
        many if many > MOST => Err(refused(format_args!("it names more than {MOST} signers"))),
        _ => Ok(found),
    }
}

fn signers(authority: &Authority) -> Vec<Foreign> {
    let name = authority.name.as_deref().unwrap_or("authority");
    let identities = authority
        .keyless
        .iter()
        .flat_map(|keyless| &keyless.identities);
    let mut found: Vec<Foreign> = identities
        .map(|identity| {
            let shown = [&identity.subject, &identity.subject_reg_exp];
            let shown = shown.into_iter().flatten().next();
            let source = format!("{name}: {}", shown.map_or("everybody", String::as_str));
            // An empty value is one that is not there.
            let some = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
            let signer = keyless(
                some(&identity.subject).as_deref(),
                some(&identity.subject_reg_exp).as_deref(),
                some(&identity.issuer).as_deref(),
                some(&identity.issuer_reg_exp).as_deref(),
            );
            Foreign::new(source, signer.map(|signer| limited(signer, authority)))
        })
        .collect();
    if let Some(key) = &authority.key {
        let signer = match &key.data {
            Some(pem) => by_key(name, pem).map(|signer| limited(signer, authority)),
            None => Err(refused(
                "the key is not in the policy: fetch its public half into a file",
            )),
        };
        found.push(Foreign::new(format!("{name}: a key"), signer));
    }
    if found.is_empty() {
        found.push(Foreign::new(
            name.to_owned(),
            Err(refused("it takes everybody, or nobody")),
        ));
    }
    found
}

fn by_key(name: &str, pem: &str) -> Result<Signer, CliError> {
    let key = PublicKey::from_pem(pem).map_err(|error| CliError::from(error).about(name))?;
    let id: String = hex::encode(key.key_id()).chars().take(8).collect();
    Ok(Signer::new(format!("key-{id}"), Who::Key(key)))
}

/// Where statements are asked for, others do not count.
fn limited(mut signer: Signer, authority: &Authority) -> Signer {
    if !authority.attestations.is_empty() {
        let types = authority.attestations.iter();
        signer.attestations = Some(types.map(|one| full(&one.predicate_type)).collect());
    }
    signer
}

/// The type that one of cosign's short names stands for.
fn full(name: &str) -> String {
    let known = [
        ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
        ("spdx", "https://spdx.dev/Document"),
        ("spdxjson", "https://spdx.dev/Document"),
        ("cyclonedx", "https://cyclonedx.org/bom"),
        ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
        ("custom", "https://cosign.sigstore.dev/attestation/v1"),
    ];
    let found = known.into_iter().find(|(short, _)| *short == name);
    found.map_or(name, |(_, long)| long).to_owned()
}
