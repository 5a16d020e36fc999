//! From an object's id to what is known of it.

use std::collections::HashMap;

use signhere_git::carry::follow;
use signhere_git::notes::{NOTES_REF, Notes};
use signhere_git::object::{Object, ObjectId, ObjectKind};
use signhere_git::policy::Signed;
use signhere_git::repository::{RawObject, Repository};
use signhere_git::ssh::{AllowedSigners, NAMESPACE, SshError, SshSignature};
use signhere_git::verdict::{GitVerdict, Outcome};
use signhere_git::verifier::GitVerifier;
use signhere_pki::digest::sha256;
use signhere_pki::time::Time;
use signhere_verify::bundle::Bundle;
use signhere_verify::policy::{Question, Trusted};

use super::args::GitVerifyArgs;
use super::cached::Cached;
use super::open;
use super::policy::Rules;
use super::record::{Record, Signer};
use super::revisions::Asked;
use crate::commands::Context;
use crate::error::CliError;
use crate::error::git::of_verdict;
use crate::error::repository::not_kept;
use crate::exit::Exit;
use crate::output::explain::Evidence;
use crate::output::text::safe;
use crate::{files, policy};

/// No file of allowed signers is larger.
const ALLOWED_SIGNERS: u64 = 4 << 20;

/// Judges objects, on several threads at once.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    repository: &'a Repository,
    verifier: GitVerifier,
    who: Who,
    allowed_signers: Option<(String, AllowedSigners)>,
    notes: Option<Notes<'a>>,
    rules: Option<Rules>,
    cached: Option<Cached>,
    words: String,
    explain: bool,
}

/// Who may sign.
#[derive(Debug)]
enum Who {
    /// Whom the trust files list.
    Listed(Box<Question>),
    /// This one.
    Named { identity: String, issuer: String },
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        context: &Context,
        args: &GitVerifyArgs,
        repository: &'a Repository,
        asked: &Asked,
    ) -> Result<Self, CliError> {
        let (verifier, digest) = open::verifier(context, &args.trust)?;
        let mut policy = Vec::new();
        let mut say = |text: &str| {
            // Lengths keep the parts apart.
            policy.extend_from_slice(&text.len().to_be_bytes());
            policy.extend_from_slice(text.as_bytes());
        };
        let who = match (&args.certificate_identity, &args.certificate_oidc_issuer) {
            (Some(identity), Some(issuer)) => {
                ["identity", identity, issuer]
                    .into_iter()
                    .for_each(&mut say);
                Who::Named {
                    identity: identity.clone(),
                    issuer: issuer.clone(),
                }
            }
            _ => {
                let found = policy::at_hand(args.trust_file.as_deref())?;
                for one in &found {
                    [one.file.label.as_str(), &one.text]
                        .into_iter()
                        .for_each(&mut say);
                }
                let files = found.into_iter().map(|one| one.file).collect();
                Who::Listed(Box::new(Question::new(Trusted::new(files).into())))
            }
        };
        let mut allowed_signers = None;
        if let Some(path) = &args.allowed_signers {
            let text = files::read_text(path, ALLOWED_SIGNERS).map_err(|e| e.exits(Exit::Trust))?;
            let label = path.display().to_string();
            ["ssh", &label, &text].into_iter().for_each(&mut say);
            let signers = AllowedSigners::parse(&text);
            let signers = signers.map_err(|error| CliError::from(error).about(&label))?;
            allowed_signers = Some((label, signers));
        }
        // Whoever may push may write any note: none of them keeps anybody from looking at the commits.
        let notes = Notes::open(repository)
            .map_err(|error| {
                let text = format!("note: {NOTES_REF} is left out: {error}");
                context.output.note(safe(&text));
            })
            .ok();
        let rules = Rules::find(repository, args, asked)?;
        if let Some(rules) = &rules {
            policy.extend_from_slice(rules.digest());
        }
        let alone = sha256(&policy);
        let tip = notes.as_ref().and_then(Notes::tip);
        let tip = tip.map_or(&[][..], ObjectId::as_bytes);
        let with_notes = sha256(&[&alone[..], tip].concat());
        let mut cached = None;
        if !args.no_cache && !args.explain {
            let reference = asked.reference.as_deref().unwrap_or_default();
            let folders = open::folders(repository);
            let folders: Vec<_> = folders.iter().map(|folder| folder.as_path()).collect();
            // What people approve is in the notes.
            let alone = match rules {
                Some(_) => with_notes,
                None => alone,
            };
            let opened = Cached::open(&digest, reference, alone, with_notes, &folders);
            match opened {
                Ok(found) => cached = found,
                Err(error) => context.output.note(not_kept(&error)),
            }
        }
        Ok(Self {
            repository,
            verifier,
            who,
            allowed_signers,
            notes,
            rules,
            cached,
            words: asked.words.clone(),
            explain: args.explain,
        })
    }

    /// What is known of some objects, in their order.
    ///
    /// # Errors
    /// When git fails. What is wrong with one object is in its record.
    pub(super) fn objects(&self, ids: &[ObjectId]) -> Result<Vec<Record>, CliError> {
        let mut records = HashMap::new();
        if let Some(cached) = &self.cached {
            let found = ids.iter().filter_map(|id| {
                let mut record = cached.find(id)?;
                record.ask_by(&self.words);
                Some((*id, record))
            });
            records.extend(found);
        }
        let unknown: Vec<ObjectId> = ids
            .iter()
            .filter(|id| !records.contains_key(id))
            .copied()
            .collect();
        self.repository.objects(&unknown, &mut |id, raw| {
            let record = match raw {
                Ok(raw) => self.object(id, raw),
                Err(error) => Record::unread(id, &CliError::from(error)),
            };
            // Where there are rules, nothing is decided yet.
            if let (Some(cached), None) = (&self.cached, &self.rules) {
                // A full disk is no reason not to verify.
                let _ = cached.keep(id, &record);
            }
            records.insert(*id, record);
        })?;
        let mut take = |id: &ObjectId| {
            let missing = || CliError::internal(&format!("no answer for {id}"));
            records.remove(id).ok_or_else(missing)
        };
        ids.iter().map(&mut take).collect()
    }

    /// Whether all has to be known before anything is decided.
    pub(super) fn has_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// Holds all objects against the rules of the trust file, unless it was done in an earlier run.
    ///
    /// # Errors
    /// When nothing can be decided.
    pub(super) fn decide(&self, asked: &Asked, records: &mut [Record]) -> Result<(), CliError> {
        let Some(rules) = &self.rules else {
            return Ok(());
        };
        if records.iter().all(|record| record.is_kept) {
            return Ok(());
        }
        rules.judge(
            self.repository,
            &self.verifier,
            self.notes.as_ref(),
            asked,
            records,
        )?;
        // An SSH key counts for as long as the trust file says, by the clock: so does all that rests on it.
        let is_timeless = |record: &Record| record.signature.as_deref() != Some("ssh");
        if let Some(cached) = &self.cached
            && records.iter().all(is_timeless)
        {
            for (record, id) in records.iter().zip(&asked.objects) {
                let _ = cached.keep(id, record);
            }
        }
        Ok(())
    }

    /// Writes what was found out; that it cannot be written is a remark.
    pub(super) fn finish(&self, context: &Context) {
        if let Some(Err(error)) = self.cached.as_ref().map(Cached::finish) {
            context.output.note(not_kept(&error));
        }
    }

    fn object(&self, id: &ObjectId, raw: RawObject) -> Record {
        if !matches!(raw.kind, ObjectKind::Commit | ObjectKind::Tag) {
            let message = format!("{id} is a {}: neither a commit nor a tag", raw.kind);
            let error = CliError::new(Exit::Failed, "SH-GIT-KIND", message);
            let error = error.expected("commit or tag").found(raw.kind.name());
            return Record::unread(id, &error);
        }
        let object = match Object::parse(raw.kind, raw.bytes) {
            Ok(object) => object,
            Err(error) => {
                let error = CliError::new(
                    Exit::NoMatchingSignature,
                    "SH-GIT-OBJECT",
                    error.to_string(),
                );
                let mut record = Record::unread(id, &error);
                record.kind = Some(raw.kind.name().to_owned());
                return record;
            }
        };
        let notes = self.notes.as_ref().map(|notes| notes.of(id).bundles);
        let notes = notes.unwrap_or_default();
        let verdict = self.verifier.verify_with(&object, &notes, self.question());
        if let (Some(rules), Some(_)) = (&self.rules, &verdict.evidence) {
            rules.take(*id, Signed::of(verdict.clone()));
        }
        let mut record = self.record(&object, &verdict);
        self.follow(&object, &verdict, &notes, &mut record);
        record.describe(&object);
        let embedded = self.verifier.verify_embedded(&object, self.question());
        let embedded = embedded.iter().zip(object.mergetags());
        record.mergetags = embedded
            .map(
                |(verdict, bytes)| match Object::parse(ObjectKind::Tag, bytes.as_slice()) {
                    Ok(tag) => {
                        let mut record = self.record(&tag, verdict);
                        record.describe(&tag);
                        record
                    }
                    Err(_) => Record::of(verdict, of_verdict(verdict, &self.words).as_ref()),
                },
            )
            .collect();
        record
    }

    fn record(&self, object: &Object, verdict: &GitVerdict) -> Record {
        if let (Outcome::Foreign(kind), Some((label, signers))) =
            (&verdict.outcome, &self.allowed_signers)
            && *kind == signhere_git::armor::SignatureKind::Ssh
        {
            return self.ssh(object, verdict, label, signers);
        }
        let error = match (&verdict.outcome, &self.who) {
            (Outcome::Proven, Who::Named { identity, issuer }) => named(verdict, identity, issuer),
            _ => of_verdict(verdict, &self.words),
        };
        let mut record = Record::of(verdict, error.as_ref());
        if record.verified {
            record.outcome = "verified".to_owned();
        } else if matches!(verdict.outcome, Outcome::Proven) {
            record.outcome = "notAllowed".to_owned();
        }
        if self.explain
            && let Some(evidence) = &verdict.evidence
        {
            let proof = evidence.examination.verdict();
            let against = evidence.instance.as_deref();
            let against = against.map(|name| format!("the trusted root of instance {name}"));
            let evidence = Evidence {
                claims: None,
                verdict: Some(&proof),
                error: error.as_ref(),
                against: against.as_deref(),
            };
            record.explanation = Some(evidence.explain());
        }
        record
    }

    /// What nobody signed, or a platform, counts as signed by the people whose commits it was made of.
    fn follow(&self, object: &Object, verdict: &GitVerdict, notes: &[Bundle], record: &mut Record) {
        let may = matches!(
            verdict.outcome,
            Outcome::Unsigned | Outcome::Platform { .. } | Outcome::Foreign(_)
        );
        let (true, false, Who::Listed(question)) = (may, record.verified, &self.who) else {
            return;
        };
        if let Some(followed) = follow(&self.verifier, question, object, notes) {
            record.carry(&followed);
        }
    }

    /// A signature by an SSH key, held against the file of allowed signers at the time that the object claims.
    fn ssh(
        &self,
        object: &Object,
        verdict: &GitVerdict,
        label: &str,
        signers: &AllowedSigners,
    ) -> Record {
        let claimed = object.committer();
        let at = Time::from_unix(claimed.map_or(0, |person| person.time));
        let email = claimed.map_or("", |person| person.email.as_str());
        let armor = object.own_signature().unwrap_or_default();
        let signature = SshSignature::from_armor(armor);
        let checked = signature.and_then(|signature| {
            signature.verify(&object.payload())?;
            Ok(signature)
        });
        let refused = |error: &SshError| {
            let message = format!("the SSH signature is not good: {error}");
            CliError::new(Exit::NoMatchingSignature, "SH-GIT-SSH", message)
        };
        let (error, signer) = match &checked {
            Err(error) => (Some(refused(error)), None),
            Ok(signature) => {
                let key = signature.key();
                let lines: Vec<_> = signers.of(key, NAMESPACE, at).collect();
                let of_email = lines.iter().any(|line| line.is_of(email));
                let only = lines.iter().find_map(|line| line.only_principal());
                let name = match of_email {
                    true => Some(email),
                    false => only,
                };
                let signer = name.map(|name| Signer {
                    identity: name.to_owned(),
                    issuer: key.fingerprint(),
                    name: None,
                    file: Some(label.to_owned()),
                });
                let error = signer.is_none().then(|| {
                    let known = match signers.knows(key) {
                        true => "lists its key, but not for git, this committer or this time",
                        false => "does not list its key",
                    };
                    let message = format!("the SSH signature is good, and {label} {known}");
                    let error = CliError::new(Exit::Unlisted, "SH-GIT-SSH", message);
                    error.found(format!("{} {}", key.algorithm(), key.fingerprint()))
                });
                (error, signer)
            }
        };
        let mut record = Record::of(verdict, error.as_ref());
        record.outcome = match (&checked, &signer) {
            (Err(_), _) => "refused",
            (Ok(_), None) => "notAllowed",
            (Ok(_), Some(_)) => "verified",
        }
        .to_owned();
        record.signer = signer;
        record
    }

    fn question(&self) -> Option<&Question> {
        match &self.who {
            _ if self.rules.is_some() => None,
            Who::Listed(question) => Some(question),
            Who::Named { .. } => None,
        }
    }
}

/// Why a proven signature is not the one that was asked for.
fn named(verdict: &GitVerdict, identity: &str, issuer: &str) -> Option<CliError> {
    let evidence = verdict.evidence.as_deref();
    let who = evidence.and_then(|evidence| evidence.examination.identity.proven());
    let Some(who) = who else {
        return Some(CliError::internal(&"a proven signature of nobody"));
    };
    let other = |code, what: &str, expected: &str, found: &str| {
        let message = format!("signed by somebody else: the {what} is another one");
        CliError::new(Exit::OtherSigner, code, message)
            .expected(expected)
            .found(found)
    };
    if who.identity != identity {
        return Some(other("SH-IDENTITY", "identity", identity, &who.identity));
    }
    (who.issuer != issuer).then(|| other("SH-IDENTITY-ISSUER", "issuer", issuer, &who.issuer))
}
