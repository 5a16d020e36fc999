//! Verification summaries (SLSA 1.2, "Verification Summary Attestation" and "Source Verification Summary Attestation"), read
//! back: first whether they are of that form, then whether they say what is expected.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use signhere_pki::time::Time;
use signhere_verify::bundle::Bundle;

use super::{LEVEL, VERIFICATION_SUMMARY, VERIFIER};
use crate::object::{ObjectId, ObjectKind};
use crate::proof::{Prove, Proven};
use crate::statement::{Attested, NotAttested, attested_as};

/// The levels that a source track has.
const SOURCE_LEVEL: &str = "SLSA_SOURCE_LEVEL_";
/// What SLSA itself calls properties and no levels ("Verified Properties").
const PROPERTIES: [&str; 2] = ["SLSA_SOURCE_TWO_PARTY_REVIEWED", "SLSA_BUILD_REPRODUCED"];

/// A verification summary that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Who verified, as the summary says it; believe it together with who signed.
    pub verifier: String,
    /// The repository.
    pub resource_uri: String,
    /// Whether the commit met the policy.
    pub passed: bool,
    /// The levels and properties that were verified.
    pub verified_levels: Vec<String>,
    /// The SHA-256 of the policy, in hexadecimal.
    pub policy_digest: Option<String>,
    /// The refs that led to the commit.
    pub source_refs: Vec<String>,
    /// Who signed the summary, and what of that was proven.
    pub proven: Proven,
}

/// What a consumer expects of a summary beside its signer and the commit. What is `None` is not compared.
#[derive(Clone, Debug, Default)]
pub struct Expected<'a> {
    /// The repository that the commit was fetched from.
    pub resource_uri: Option<&'a str>,
    /// The full name of the ref.
    pub reference: Option<&'a str>,
    /// Levels and properties.
    pub levels: &'a [String],
}

/// Why a summary that holds is not the one that is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unmet {
    /// The commit did not meet the policy.
    #[error("it says that the commit did not pass")]
    Failed,
    /// Another verifier: its word, and what its levels stand on, are its own.
    #[error("the verifier is {found}, and not {VERIFIER}")]
    Verifier {
        /// The verifier.
        found: String,
    },
    /// It is of another repository.
    #[error("it is for {found}, and not for {expected}")]
    Resource {
        /// The repository.
        expected: String,
        /// The one that it is of.
        found: String,
    },
    /// It is of other refs.
    #[error("it is for {}, and not for {expected}", refs(.found))]
    Reference {
        /// The ref.
        expected: String,
        /// Those that it is of.
        found: Vec<String>,
    },
    /// A level or property is not among those that were verified.
    #[error("{expected} was not verified")]
    Level {
        /// The level or property.
        expected: String,
    },
    /// It claims what the verifier cannot establish.
    #[error("{found} is more than the verifier can know")]
    Excessive {
        /// The level or property.
        found: String,
    },
}

impl Summary {
    /// Compares it with what is expected.
    ///
    /// # Errors
    /// [`Unmet`] for the first thing that is not so.
    pub fn meets(&self, expected: &Expected<'_>) -> Result<(), Unmet> {
        if !self.passed {
            return Err(Unmet::Failed);
        }
        if self.verifier != VERIFIER {
            let found = self.verifier.clone();
            return Err(Unmet::Verifier { found });
        }
        if let Some(uri) = expected
            .resource_uri
            .filter(|uri| *uri != self.resource_uri)
        {
            return Err(Unmet::Resource {
                expected: uri.to_owned(),
                found: self.resource_uri.clone(),
            });
        }
        if let Some(name) = expected.reference
            && !self.source_refs.iter().any(|found| found == name)
        {
            return Err(Unmet::Reference {
                expected: name.to_owned(),
                found: self.source_refs.clone(),
            });
        }
        let has = |level: &String| self.verified_levels.contains(level);
        if let Some(missing) = expected.levels.iter().find(|level| !has(level)) {
            let expected = missing.clone();
            return Err(Unmet::Level { expected });
        }
        let is_slsa = |level: &&String| level.starts_with("SLSA_") && *level != LEVEL;
        match self.verified_levels.iter().find(is_slsa) {
            Some(found) => Err(Unmet::Excessive {
                found: found.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// Reads one bundle as a verification summary of `commit`, anybody's.
///
/// # Errors
/// [`NotAttested`] when it is none.
pub fn summary_in(
    prover: &dyn Prove,
    commit: &ObjectId,
    bundle: &Bundle,
) -> Result<Summary, NotAttested> {
    let object = (ObjectKind::Commit, commit);
    let (predicate, attested) =
        attested_as::<Predicate>(prover, object, bundle, VERIFICATION_SUMMARY)?;
    let fault = |detail: String| NotAttested::Predicate { detail };
    predicate.check(&attested).map_err(fault)?;
    let digest = predicate.policy.digest.get("sha256").cloned();
    Ok(Summary {
        verifier: predicate.verifier.id,
        resource_uri: predicate.resource_uri,
        passed: predicate.verification_result == Outcome::Passed,
        verified_levels: predicate.verified_levels,
        policy_digest: digest,
        source_refs: attested.source_refs,
        proven: attested.proven,
    })
}

/// Fields that are not known are left out, as in-toto asks for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    verifier: Verifier,
    time_verified: Option<String>,
    resource_uri: String,
    policy: Resource,
    input_attestations: Option<Vec<Input>>,
    verification_result: Outcome,
    verified_levels: Vec<String>,
    dependency_levels: Option<BTreeMap<String, u64>>,
    slsa_version: Option<String>,
}

#[derive(Deserialize)]
struct Verifier {
    id: String,
    #[serde(default)]
    version: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Resource {
    uri: String,
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Input {
    digest: Map<String, Value>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Outcome {
    Passed,
    Failed,
}

impl Predicate {
    /// What its types do not say of its form.
    fn check(&self, attested: &Attested) -> Result<(), String> {
        for (name, uri) in [
            ("verifier.id", &self.verifier.id),
            ("resourceUri", &self.resource_uri),
            ("policy.uri", &self.policy.uri),
        ] {
            if uri.is_empty() || uri.chars().any(|c| c.is_control() || c.is_whitespace()) {
                return Err(format!("{name} is no URI: {uri:?}"));
            }
        }
        if let Some(time) = &self.time_verified {
            Time::parse_rfc3339(time).map_err(|error| format!("timeVerified: {error}"))?;
        }
        let inputs = self.input_attestations.iter().flatten();
        if inputs.into_iter().any(|input| input.digest.is_empty()) {
            return Err("an entry of inputAttestations has no digest".to_owned());
        }
        if let Some(version) = &self.slsa_version
            && !is_version(version)
        {
            return Err(format!("slsaVersion is {version:?}"));
        }
        if self.verifier.version.keys().any(String::is_empty) {
            return Err("verifier.version names a component by nothing".to_owned());
        }
        for (level, _) in self.dependency_levels.iter().flatten() {
            track(level)?;
        }
        let is_full = |name: &&String| !name.starts_with("refs/");
        if let Some(name) = attested.source_refs.iter().find(is_full) {
            return Err(format!("{name:?} in sourceRefs is no full name of a ref"));
        }
        self.check_levels()
    }

    /// One level a track, that of the source track among them, and nothing that calls itself SLSA's and is not.
    fn check_levels(&self) -> Result<(), String> {
        let mut tracks = BTreeMap::new();
        for level in &self.verified_levels {
            if level == "FAILED" && self.verification_result == Outcome::Passed {
                return Err(
                    "verifiedLevels has FAILED, and verificationResult is PASSED".to_owned(),
                );
            }
            if let Some((track, number)) = track(level)?
                && let Some(other) = tracks.insert(track, number)
            {
                return Err(format!("{track} has two levels: {other} and {number}"));
            }
        }
        let has_levels = tracks.get("SOURCE").is_some_and(|number| is_number(number));
        match self.verification_result {
            Outcome::Passed if !has_levels => Err(format!("no {SOURCE_LEVEL} is verified")),
            _ => Ok(()),
        }
    }
}

/// The track of a level, and which one it is; `None` for properties.
fn track(level: &str) -> Result<Option<(&str, &str)>, String> {
    let Some(rest) = level.strip_prefix("SLSA_") else {
        return Ok(None);
    };
    if PROPERTIES.contains(&level) {
        return Ok(None);
    }
    let parts = rest.split_once("_LEVEL_");
    match parts.filter(|(_, number)| is_number(number) || *number == "UNEVALUATED") {
        Some(parts) => Ok(Some(parts)),
        None => Err(format!("{level:?} is no level of SLSA")),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is of the form MAJOR.MINOR.
fn is_version(text: &str) -> bool {
    let parts = text.split_once('.');
    parts.is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

fn refs(found: &[String]) -> String {
    match found {
        [] => "no ref".to_owned(),
        found => found.join(", "),
    }
}
