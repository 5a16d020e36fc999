//! Verifying.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use signhere_git::armor::MAX_ARMOR_LEN;
use signhere_git::cms::{GitSignature, SignatureError};
use signhere_git::program::{Content, Standing, Trust, verify_status};
use signhere_git::verdict::{GitFailure, Outcome, SignatureVerdict};
use signhere_git::verifier::GitVerifier;
use signhere_pki::chain::ChainError;
use signhere_pki::cms::CmsError;
use signhere_verify::policy::{NotAllowed, Question, Signer, Trusted};
use signhere_verify::verdict::{Reason, Step, Verdict};

use super::{Prepared, Status, content, sign};
use crate::commands::Context;
use crate::error::CliError;
use crate::error::git::of_signature;
use crate::exit::Exit;
use crate::output::text::safe;
use crate::trust::{self, Known, Named, TrustArgs};
use crate::{files, policy};

/// More signatures over one commit than anybody makes.
const MAX_SIGNATURES: usize = 8;

/// Verifies a signature, and tells git how it stands; the exit code where it does not count.
///
/// # Errors
/// Only when git cannot be told: whatever else fails is a signature that could not be checked.
pub(super) fn run(
    prepared: Result<Prepared, CliError>,
    signature: &Path,
    from: &Content,
    status: &mut Status,
) -> Result<Option<Exit>, CliError> {
    let judged = prepared
        .and_then(|ready| judge_all(&ready, signature, from))
        .unwrap_or_else(|error| vec![Judged::unchecked(error)]);
    let standing = Standing::fold(judged.iter().map(|one| one.standing.clone()));
    status.write(&verify_status(&standing))?;
    let mut stderr = anstream::stderr().lock();
    for one in &judged {
        // Nobody is left to tell when standard error is closed.
        let _ = stderr.write_all(one.text.as_bytes());
    }
    if standing.counts() {
        return Ok(None);
    }
    let worst = judged.iter().find(|one| one.standing == standing);
    Ok(Some(worst.map_or(Exit::NoSignature, |one| one.exit)))
}

/// What became of one signature.
struct Judged {
    standing: Standing,
    exit: Exit,
    /// For people.
    text: String,
}

impl Judged {
    fn unchecked(error: CliError) -> Self {
        Self::of(Standing::Unchecked { signer: None }, error)
    }

    fn of(standing: Standing, error: CliError) -> Self {
        Self {
            standing,
            exit: error.exit(),
            text: error.render(),
        }
    }
}

fn judge_all(ready: &Prepared, signature: &Path, from: &Content) -> Result<Vec<Judged>, CliError> {
    let limit = MAX_ARMOR_LEN.saturating_mul(2);
    let armor = files::read(signature, u64::try_from(limit).unwrap_or(u64::MAX))?;
    let payload = content(from)?;
    if payload.is_empty() {
        let message = "there is no content to verify the signature over";
        return Err(CliError::new(Exit::NoArtifact, "SH-GIT-NOTHING", message));
    }
    let context = offline(&ready.context()?)?;
    let trust_file = ready.settings.trust_file.as_ref();
    let judge = Judge {
        known: trust::known(&context, &TrustArgs::default())?,
        trusted: policy::trusted(trust_file.map(|source| Path::new(&source.value)))?,
        payload: &payload,
    };
    let blocks = blocks(&armor)?;
    Ok(blocks
        .into_iter()
        .map(|block| judge.signature(block))
        .collect())
}

/// The context without the network, which git waits for at every commit that it shows; but with it where an instance
/// is known by its address alone.
fn offline(context: &Context) -> Result<Context, CliError> {
    let mut global = context.global.clone();
    global.offline |= !matches!(Named::find(context)?, Named::At(_));
    Ok(Context::new(global))
}

/// The signatures, each with its armor.
fn blocks(armor: &[u8]) -> Result<Vec<&[u8]>, CliError> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut starts = vec![0];
    let mut line_start: usize = 0;
    for line in armor.split_inclusive(|byte| *byte == b'\n') {
        if line_start > 0 && line.starts_with(BEGIN) {
            starts.push(line_start);
        }
        line_start = line_start.saturating_add(line.len());
    }
    if starts.len() > MAX_SIGNATURES {
        let message = format!("{} signatures over one object", starts.len());
        return Err(
            CliError::new(Exit::NoMatchingSignature, "SH-GIT-ARMOR", message)
                .expected(format!("at most {MAX_SIGNATURES}")),
        );
    }
    let ends = starts.iter().skip(1).copied().chain([armor.len()]);
    let blocks = starts.iter().zip(ends);
    Ok(blocks
        .filter_map(|(start, end)| armor.get(*start..end))
        .collect())
}

struct Judge<'a> {
    known: Known,
    trusted: Arc<Trusted>,
    payload: &'a [u8],
}

impl Judge<'_> {
    fn signature(&self, armor: &[u8]) -> Judged {
        let signature = match GitSignature::from_armor(armor) {
            Ok(signature) => signature,
            Err(error) => return Judged::unchecked(error.into()),
        };
        let signer = sign::signer_of(signature.certificate());
        let claimed = Some(signer.clone());
        let bundle = signature
            .bundle()
            .unwrap_or_else(|_| signature.bare_bundle());
        let chosen = match self.known.choose(&bundle) {
            Ok(chosen) => chosen,
            Err(error) => return Judged::of(Standing::Unchecked { signer: claimed }, error),
        };
        let verifier = GitVerifier::new(chosen.verifier.as_ref().clone());
        let verdict = verifier.verify_signature(armor, self.payload, None);
        let examined = verdict.evidence.as_ref().map(|one| &one.examination);
        let failure = match (&verdict.outcome, examined) {
            (Outcome::Proven, Some(examined)) => {
                return self.proven(signer, &examined.verdict(), chosen.instance.as_deref());
            }
            (Outcome::Refused(failure), _) => failure,
            _ => return Judged::of(Standing::Unchecked { signer: claimed }, why(&verdict)),
        };
        let standing = match failure.as_ref() {
            GitFailure::Signature(error) if !is_mismatch(error) => {
                Standing::Unchecked { signer: claimed }
            }
            GitFailure::Embedded(_) => Standing::Unchecked { signer: claimed },
            GitFailure::Check(failure)
                if is_expiry(&failure.reason)
                    && examined.is_some_and(|one| one.sct.proven().is_some()) =>
            {
                Standing::Expired { signer }
            }
            _ => Standing::Bad { signer: claimed },
        };
        Judged::of(standing, why(&verdict))
    }

    /// A signature that holds: does anybody trust the signer?
    fn proven(
        &self,
        signer: signhere_git::program::Signer,
        verdict: &Verdict,
        instance: Option<&str>,
    ) -> Judged {
        let times = verdict.steps.iter().filter_map(|step| match step {
            Step::Time(time) => time.times.iter().map(|source| source.time).min(),
            _ => None,
        });
        let Some(at) = times.min() else {
            return Judged::unchecked(CliError::internal(&"no time of a proven signature"));
        };
        let who = format!("{} ({})", safe(&signer.identity), safe(&signer.issuer));
        let good = |signer, trust| Standing::Good { signer, at, trust };
        if self.trusted.files().is_empty() {
            return Judged {
                text: format!(
                    "signhere: signed by {who} at {at}; nobody has said whom to trust: signhere trust init\n"
                ),
                standing: good(signer, Trust::Undefined),
                exit: Exit::Unlisted,
            };
        }
        let question = Question::new(Arc::clone(&self.trusted));
        let question = match instance {
            Some(instance) => question.on(instance),
            None => question,
        };
        let listed = match question.listed(&verdict.steps) {
            Ok(listed) => listed,
            Err(failure) => {
                let standing = match &failure.reason {
                    Reason::SignerNotAllowed {
                        why: NotAllowed::Revoked,
                        ..
                    } => Standing::Revoked { signer },
                    _ => good(signer, Trust::Never),
                };
                return Judged::of(standing, CliError::from(failure.as_ref()));
            }
        };
        if let Some(error) = self.impersonation(&listed) {
            return Judged::of(good(signer, Trust::Never), error);
        }
        let name = listed.first().map_or("", |listed| listed.name.as_str());
        Judged {
            text: format!(
                "signhere: signed by {who} at {at}, trusted as {}\n",
                safe(name)
            ),
            standing: good(signer, Trust::Fully),
            exit: Exit::Unlisted,
        }
    }

    /// The committer, where that is the address of somebody else who is listed.
    fn impersonation(&self, listed: &[&Signer]) -> Option<CliError> {
        let committer = sign::committer(self.payload)?.1;
        let is_of = |signer: &Signer| {
            let mut addresses = signer.addresses();
            addresses.any(|address| address.eq_ignore_ascii_case(committer))
        };
        if listed.iter().any(|signer| is_of(signer)) {
            return None;
        }
        let (_, other) = self.trusted.signers().find(|(_, signer)| is_of(signer))?;
        let name = listed.first().map_or("", |listed| listed.name.as_str());
        let message = format!(
            "{name} signed, and the committer's address is that of {}",
            other.name
        );
        Some(
            CliError::new(Exit::NotAllowed, "SH-GIT-COMMITTER", message)
                .found(committer)
                .mend(format!(
                    "if it is {name}'s too, add it to committers in the trust file"
                )),
        )
    }
}

fn why(verdict: &SignatureVerdict) -> CliError {
    of_signature(verdict).unwrap_or_else(|| CliError::internal(&"nothing is wrong"))
}

/// Whether the signature is read, and is over something else or by another key.
fn is_mismatch(error: &SignatureError) -> bool {
    matches!(
        error,
        SignatureError::Cms(CmsError::MessageDigest { .. } | CmsError::SignatureInvalid)
    )
}

fn is_expiry(reason: &Reason) -> bool {
    matches!(reason, Reason::Chain(ChainError::Expired { .. }))
}
