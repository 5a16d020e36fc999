//! SLSA's source track: what is known of how a commit came to be, and a summary of having verified it.
//!
//! Both are statements about one commit, to be signed and kept in its note. The summary claims no more than a program
//! that looks at one commit can know: that it is under version control, and what a policy said of its signatures. That
//! history is never rewritten, and that the rules hold for everybody all the time, is for the server's owner to claim.

mod summary;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use signhere_pki::digest::Digest;
use signhere_pki::time::Time;
use signhere_verify::bundle::Bundle;

use crate::object::{Object, ObjectId, ObjectKind};
use crate::proof::{Prove, Proven};
use crate::statement::{NotAttested, attested_as, statement};

pub use summary::{Expected, Summary, Unmet, summary_in};

/// The type of the statement on how a commit came to be.
pub const SOURCE_PROVENANCE: &str = "https://signhere.dev/git/source-provenance/v1";
/// The type of verification summaries (SLSA 1.2).
pub const VERIFICATION_SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
/// Who verified, as summaries say it: this program, run by whoever signed the summary.
pub const VERIFIER: &str = "https://signhere.dev/git/verifier/v1";
/// The version of SLSA that the summaries follow.
pub const SLSA_VERSION: &str = "1.2";

/// The one level of SLSA's source track that looking at a commit can establish.
pub const LEVEL: &str = "SLSA_SOURCE_LEVEL_1";
/// The signers of the commit are listed in the policy, for the ref.
pub const SIGNED_BY_LISTED: &str = "ORG_SOURCE_SIGNED_BY_LISTED";
/// Two or more listed people stand behind the commit: its signer and those who approved it.
pub const TWO_PEOPLE: &str = "ORG_SOURCE_TWO_LISTED_PEOPLE";

/// Somebody who signed something.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// The identity in the certificate.
    pub identity: String,
    /// Who vouches for it.
    pub issuer: String,
}

/// What is known of a commit when it is attested.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The commit.
    pub commit: &'a Object,
    /// Where the repository is, such as `git+https://forge.example/ada/hello`.
    pub repository: &'a str,
    /// The full names of refs that lead to the commit.
    pub refs: &'a [String],
    /// Who signed it: one, or several when it was carried over.
    pub signers: &'a [Actor],
    /// Who approved it.
    pub approvers: &'a [Actor],
    /// How many people whom the policy lists stand behind it, each counted once.
    pub people: usize,
    /// When it was proven to be signed, where that is known.
    pub signed_at: Option<Time>,
    /// The policy that was met.
    pub policy: &'a PolicyFacts,
    /// When all of this was looked at.
    pub at: Time,
}

/// The policy by which a commit was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFacts {
    /// The digest of the trust file; `None` where there is none and nothing but the signature was verified.
    pub digest: Option<Digest>,
    /// Where the trust file is, as a URI or a path in the repository.
    pub uri: String,
}

/// How a commit came to be, by the word of whoever signed the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// The repository.
    pub repository: String,
    /// Who signed the commit.
    pub signers: Vec<Actor>,
    /// Who approved it.
    pub approvers: Vec<Actor>,
    /// Who signed the statement, and what of that was proven.
    pub proven: Proven,
}

impl Facts<'_> {
    /// The statement on how the commit came to be.
    pub fn source_provenance(&self) -> Vec<u8> {
        let person = |person: Option<&crate::object::Person>| {
            person.map(|person| json!({ "name": person.name, "email": person.email }))
        };
        let parents: Vec<String> = self
            .commit
            .parents()
            .iter()
            .map(ObjectId::to_string)
            .collect();
        let predicate = json!({
            "repository": self.repository,
            "tree": self.commit.tree().map(ToString::to_string),
            "parents": parents,
            "author": person(self.commit.author()),
            "committer": person(self.commit.committer()),
            "signers": self.signers,
            "signedAt": self.signed_at.map(|time| time.to_string()),
            "approvers": self.approvers,
            "policy": self.policy.to_json(),
            "observedAt": self.at.to_string(),
        });
        self.statement(SOURCE_PROVENANCE, &predicate)
    }

    /// The summary of having verified the commit by the policy, which it met; `inputs` are the SHA-256 of every bundle
    /// with a statement that was looked at for that.
    pub fn verification_summary(&self, inputs: &[Digest]) -> Vec<u8> {
        let input = |digest: &Digest| json!({ "digest": { "sha256": digest.hex() } });
        let inputs: Vec<Value> = inputs.iter().map(input).collect();
        let predicate = json!({
            "verifier": { "id": VERIFIER },
            "timeVerified": self.at.to_string(),
            "resourceUri": self.repository,
            "policy": self.policy.to_json(),
            "inputAttestations": inputs,
            "verificationResult": "PASSED",
            "verifiedLevels": self.verified_levels(),
            "slsaVersion": SLSA_VERSION,
        });
        self.statement(VERIFICATION_SUMMARY, &predicate)
    }

    /// The levels and properties that were verified.
    pub fn verified_levels(&self) -> Vec<&'static str> {
        let mut levels = vec![LEVEL];
        if self.policy.digest.is_some() && self.people >= 1 {
            levels.push(SIGNED_BY_LISTED);
        }
        if self.policy.digest.is_some() && self.people >= 2 {
            levels.push(TWO_PEOPLE);
        }
        levels
    }

    fn statement(&self, predicate_type: &str, predicate: &Value) -> Vec<u8> {
        let mut annotations = Map::new();
        if !self.refs.is_empty() {
            annotations.insert("sourceRefs".to_owned(), json!(self.refs));
        }
        let object = (ObjectKind::Commit, &self.commit.id());
        statement(object, annotations, predicate_type, predicate)
    }
}

impl PolicyFacts {
    fn to_json(&self) -> Value {
        let mut policy = json!({ "uri": self.uri });
        if let Some(digest) = &self.digest {
            policy["digest"] = json!({ digest.algorithm().name(): digest.hex() });
        }
        policy
    }
}

/// Reads one bundle as a statement on how `commit` came to be.
///
/// # Errors
/// [`NotAttested`] when it is none.
pub fn provenance_in(
    prover: &dyn Prove,
    commit: &ObjectId,
    bundle: &Bundle,
) -> Result<Provenance, NotAttested> {
    let object = (ObjectKind::Commit, commit);
    let (predicate, attested) =
        attested_as::<ProvenancePredicate>(prover, object, bundle, SOURCE_PROVENANCE)?;
    Ok(Provenance {
        repository: predicate.repository,
        signers: predicate.signers,
        approvers: predicate.approvers,
        proven: attested.proven,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProvenancePredicate {
    repository: String,
    signers: Vec<Actor>,
    approvers: Vec<Actor>,
}
