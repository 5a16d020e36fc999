//! What is known of one object: what is shown of it, and what is kept for the next time.

use serde::{Deserialize, Serialize};
use signhere_git::carry::Followed;
use signhere_git::object::{Object, ObjectId};
use signhere_git::verdict::{CheckSummary, GitVerdict, Missing, Outcome};
use signhere_pki::time::Time;

use crate::error::git::rescue;
use crate::error::{CliError, ErrorRecord};
use crate::output::explain::Node;

/// The longest first line of a message that is kept, in characters.
const SUBJECT: usize = 120;

/// What is known of one object.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// Its id.
    pub(super) object: String,
    /// `commit` or `tag`; none where it could not be read.
    pub(super) kind: Option<String>,
    /// The first line of its message. It may hold anything.
    pub(super) subject: Option<String>,
    /// Who committed or tagged, by the object's own account.
    pub(super) committer: Option<Committer>,
    /// Whether it is verified.
    pub(super) verified: bool,
    /// What follows from the checks, in a word.
    pub(super) outcome: String,
    /// The signature's kind: `x509`, `ssh`, `pgp` or `unknown`.
    pub(super) signature: Option<String>,
    /// Who signed, where that is known; proven where it is verified.
    pub(super) signer: Option<Signer>,
    /// The earliest proven time.
    pub(super) signed_at: Option<Time>,
    /// The instance that it was signed on, by its name.
    pub(super) instance: Option<String>,
    /// What was never brought along: `log`, `time`, `sct`.
    pub(super) missing: Vec<String>,
    /// Each check of a signature with a certificate.
    pub(super) checks: Vec<CheckRecord>,
    /// The signed commits that it counts as, where nobody signed it itself.
    #[serde(default)]
    pub(super) carried: Option<Carried>,
    /// Why it is not verified.
    pub(super) error: Option<ErrorRecord>,
    /// The signed tags that a merge embeds.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) mergetags: Vec<Self>,
    /// Whether it is of an earlier run.
    #[serde(skip)]
    pub(super) is_kept: bool,
    /// The tree of `--explain`.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<Vec<Node>>,
}

/// Who committed or tagged, by the object's own account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Committer {
    pub(super) name: String,
    pub(super) email: String,
    /// In seconds of Unix time.
    pub(super) time: i64,
}

/// Who signed.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Signer {
    /// The identity in the certificate, or the name that the key is listed under.
    pub(super) identity: String,
    /// Who vouches for it; an SSH key's fingerprint where it is one.
    pub(super) issuer: String,
    /// The signer's name in the trust file.
    pub(super) name: Option<String>,
    /// The trust file, or the file of allowed signers.
    pub(super) file: Option<String>,
}

/// Where a commit came from that nobody signed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Carried {
    /// The name of whoever says so, in the trust file.
    pub(super) by: String,
    /// The commits, the last one first.
    pub(super) sources: Vec<Source>,
}

/// A signed commit that another came from.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Source {
    pub(super) object: String,
    pub(super) signer: Option<Signer>,
}

/// A check in few words.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct CheckRecord {
    pub(super) check: String,
    pub(super) status: String,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

impl Record {
    /// An object of which nothing is known but its id.
    pub(super) fn unread(id: &ObjectId, error: &CliError) -> Self {
        Self {
            object: id.to_string(),
            kind: None,
            subject: None,
            committer: None,
            verified: false,
            outcome: "unreadable".to_owned(),
            signature: None,
            signer: None,
            signed_at: None,
            instance: None,
            missing: Vec::new(),
            checks: Vec::new(),
            carried: None,
            error: Some(ErrorRecord::of(error)),
            mergetags: Vec::new(),
            is_kept: false,
            explanation: None,
        }
    }

    /// What a verdict says.
    pub(super) fn of(verdict: &GitVerdict, error: Option<&CliError>) -> Self {
        let evidence = verdict.evidence.as_deref();
        let proven = evidence.map(|evidence| &evidence.examination);
        let identity = proven.and_then(|checks| checks.identity.proven());
        let listed = match &verdict.outcome {
            Outcome::Verified(policy) => Some(policy),
            _ => None,
        };
        let times = proven.and_then(|checks| checks.time.proven());
        let times = times.into_iter().flat_map(|found| &found.times);
        let missing = match &verdict.outcome {
            Outcome::Unproven(missing) => missing.as_slice(),
            _ => &[],
        };
        let checks = evidence.map(|evidence| evidence.checks());
        Self {
            object: verdict.id.to_string(),
            kind: Some(verdict.kind.name().to_owned()),
            subject: None,
            committer: None,
            verified: error.is_none(),
            outcome: verdict.outcome.as_str().to_owned(),
            signature: verdict
                .signature
                .as_ref()
                .map(|kind| kind.as_str().to_owned()),
            signer: identity.map(|who| Signer {
                identity: who.identity.clone(),
                issuer: who.issuer.clone(),
                name: listed.map(|policy| policy.signer.clone()),
                file: listed.map(|policy| policy.file.clone()),
            }),
            signed_at: times.map(|source| source.time).min(),
            instance: evidence.and_then(|evidence| evidence.instance.clone()),
            missing: missing.iter().map(|one| one.as_str().to_owned()).collect(),
            checks: checks.into_iter().flatten().map(CheckRecord::of).collect(),
            carried: None,
            error: error.map(ErrorRecord::of),
            mergetags: Vec::new(),
            is_kept: false,
            explanation: None,
        }
    }

    /// Has the mend name what is asked for now, where an earlier run asked in other words.
    pub(super) fn ask_by(&mut self, words: &str) {
        let lacks_log = self.missing.iter().any(|one| one == Missing::Log.as_str());
        if let Some(error) = self
            .error
            .as_mut()
            .filter(|error| error.code == "SH-GIT-UNPROVEN")
            && lacks_log
        {
            error.mend = Some(rescue(words));
        }
        for tag in &mut self.mergetags {
            tag.ask_by(words);
        }
    }

    /// The rules are met.
    pub(super) fn allow(&mut self) {
        self.verified = true;
        self.outcome = "verified".to_owned();
        self.error = None;
        self.missing.clear();
    }

    /// The rules let it through, and nobody looks at who made it.
    pub(super) fn exempt(&mut self) {
        self.verified = false;
        self.outcome = "exempt".to_owned();
        self.error = None;
    }

    /// The rules are not met.
    pub(super) fn refuse(&mut self, error: &CliError) {
        self.verified = false;
        self.outcome = "notAllowed".to_owned();
        self.error = Some(ErrorRecord::of(error));
    }

    /// Counts it as signed by those who signed what it came from.
    pub(super) fn carry(&mut self, followed: &Followed) {
        let source = |verdict: &GitVerdict| {
            let record = Self::of(verdict, None);
            Source {
                object: record.object,
                signer: record.signer,
            }
        };
        let sources: Vec<Source> = followed.sources.iter().map(source).collect();
        self.verified = true;
        self.outcome = "verified".to_owned();
        self.error = None;
        self.signer = sources.first().and_then(|source| source.signer.clone());
        self.carried = Some(Carried {
            by: followed.carrier.clone(),
            sources,
        });
    }

    /// Adds what the object says of itself.
    pub(super) fn describe(&mut self, object: &Object) {
        let message = String::from_utf8_lossy(object.message());
        let line = message.lines().next().unwrap_or_default();
        self.subject = Some(line.chars().take(SUBJECT).collect());
        self.committer = object.committer().map(|person| Committer {
            name: person.name.clone(),
            email: person.email.clone(),
            time: person.time,
        });
    }
}

impl CheckRecord {
    fn of(check: CheckSummary) -> Self {
        Self {
            check: check.check.to_owned(),
            status: check.status.to_owned(),
            code: check.code.map(ToOwned::to_owned),
            message: check.message,
        }
    }
}
