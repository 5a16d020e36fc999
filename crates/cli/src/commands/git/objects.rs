//! `signhere git objects`: what is proven of raw objects, one line of JSON each, as `tests/git/client` prints it. Plumbing,
//! and hidden. The lines are described in `docs/reference/git-objects.md`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_git::armor::SignatureKind;
use signhere_git::object::{MAX_OBJECT_LEN, Object, ObjectKind};
use signhere_git::verdict::{Embedded, Evidence, GitVerdict, Outcome};
use signhere_git::verifier::GitVerifier;
use signhere_pki::cert::San;
use signhere_pki::fulcio;
use signhere_pki::sct::SctList;
use signhere_pki::time::Time;
use signhere_verify::trust::{PUBLIC_GOOD, TrustedRoot};
use signhere_verify::verifier::Verifier;

use crate::commands::Context;
use crate::error::CliError;
use crate::files;

/// The largest trusted root that is read, in bytes.
const MAX_ROOT: u64 = 16 << 20;

/// Print what is proven of raw commit and tag objects
#[derive(Args, Debug)]
pub(crate) struct ObjectsArgs {
    /// The trusted root to verify by [default: the public-good instance's, as this program was built with]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    trusted_root: Option<PathBuf>,
    /// Files, each a commit or a tag as git keeps it, uncompressed
    #[arg(value_name = "OBJECT", required = true, value_hint = ValueHint::FilePath)]
    objects: Vec<PathBuf>,
}

/// What is known of one object.
#[derive(Debug, Default, Serialize)]
struct Line {
    oid: Option<String>,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    signature: &'static str,
    chain: Option<&'static str>,
    sct: Option<&'static str>,
    log: Option<&'static str>,
    issued_by: Option<String>,
    san: Option<Vec<String>>,
    oidc_issuer: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    signing_time: Option<String>,
    payload_ends_with_newline: Option<bool>,
    payload_has_cr: Option<bool>,
    outcome: &'static str,
    code: Option<&'static str>,
    error: Option<String>,
}

pub(crate) fn run(context: &Context, args: &ObjectsArgs) -> Result<(), CliError> {
    let root = match &args.trusted_root {
        Some(path) => files::read(path, MAX_ROOT)?,
        None => PUBLIC_GOOD.as_bytes().to_vec(),
    };
    let verifier = GitVerifier::new(Verifier::new(TrustedRoot::parse(&root)?)?);
    for path in &args.objects {
        for line in lines(&verifier, path) {
            let line = serde_json::to_string(&line).map_err(|error| CliError::internal(&error))?;
            context.output.line(&line)?;
        }
    }
    Ok(())
}

/// The object's line, and then one for each tag that it embeds.
fn lines(verifier: &GitVerifier, path: &Path) -> Vec<Line> {
    // A loose object's own header comes on top.
    let limit = u64::try_from(MAX_OBJECT_LEN).map_or(u64::MAX, |limit| limit + 64);
    let bytes = match files::read(path, limit) {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![Line {
                code: Some(error.code()),
                error: Some(error.message().to_owned()),
                ..Line::unreadable()
            }];
        }
    };
    let object = match Object::parse_any(&bytes) {
        Ok(object) => object,
        Err(error) => {
            let known = Object::identify(&bytes);
            let outcome = Outcome::Unreadable(error);
            let mut line = Line {
                oid: known.map(|(_, id)| id.to_string()),
                kind: known.map(|(kind, _)| kind.name()),
                ..Line::unreadable().ended(&outcome)
            };
            // Whatever it signs is not this: but whose certificate that is can be told.
            let armor = armor_in(&bytes);
            let found = armor.map(|armor| verifier.verify_signature(&armor, b"", None));
            if let Some(evidence) = found.and_then(|found| found.evidence) {
                line.certify(&evidence);
            }
            return vec![line];
        }
    };
    let mut lines = vec![Line::of(&verifier.verify(&object, None)).about(&object)];
    for (verdict, tag) in verifier
        .verify_embedded(&object, None)
        .iter()
        .zip(object.mergetags())
    {
        let line = Line::of(verdict);
        lines.push(match Object::parse(ObjectKind::Tag, tag.as_slice()) {
            Ok(tag) => line.about(&tag),
            Err(_) => line,
        });
    }
    lines
}

impl Line {
    /// Of what is no commit and no tag. Whether it was signed cannot be told, and so it is no valid signature.
    fn unreadable() -> Self {
        Self {
            signature: "invalid",
            outcome: "unreadable",
            ..Self::default()
        }
    }

    fn of(verdict: &GitVerdict) -> Self {
        let mut line = Self {
            oid: Some(verdict.id.to_string()),
            kind: Some(verdict.kind.name()),
            signature: signature(verdict),
            ..Self::default()
        }
        .ended(&verdict.outcome);
        if let Some(evidence) = &verdict.evidence {
            line.certify(evidence);
        }
        line
    }

    fn ended(mut self, outcome: &Outcome) -> Self {
        self.outcome = outcome.as_str();
        self.code = outcome.code();
        self.error = match outcome {
            Outcome::Refused(failure) => Some(failure.to_string()),
            Outcome::Unreadable(error) => Some(error.to_string()),
            Outcome::NotAllowed(failure) => Some(failure.to_string()),
            _ => None,
        };
        self
    }

    fn about(mut self, object: &Object) -> Self {
        let payload = object.payload();
        self.payload_ends_with_newline = Some(payload.ends_with(b"\n"));
        self.payload_has_cr = Some(payload.contains(&b'\r'));
        self
    }

    fn certify(&mut self, evidence: &Evidence) {
        let found = &evidence.examination;
        let held = |holds: bool| if holds { "valid" } else { "invalid" };
        let certificate = &evidence.certificate;
        let scts = SctList::from_certificate(certificate);
        self.chain = Some(held(found.certificate.proven().is_some()));
        self.sct = Some(match scts {
            Ok(list) if list.as_slice().is_empty() => "none",
            _ => held(found.sct.proven().is_some()),
        });
        self.log = Some(match (&evidence.embedded, found.log.proven()) {
            (Embedded::Read { entries: 0, .. }, _) => "absent",
            (_, Some(_)) => "embedded, valid",
            (_, None) => "embedded, invalid",
        });
        self.issued_by = Some(certificate.issuer());
        self.san = Some(
            certificate
                .subject_alternative_names()
                .iter()
                .map(name)
                .collect(),
        );
        self.oidc_issuer = fulcio::issuer(certificate);
        self.not_before = Some(time(certificate.not_before()));
        self.not_after = Some(time(certificate.not_after()));
        self.signing_time = evidence.signing_time.map(time);
    }
}

/// The last signature in bytes that are no object, folded or not.
fn armor_in(bytes: &[u8]) -> Option<Vec<u8>> {
    const BEGIN: &[u8] = b"-----BEGIN SIGNED MESSAGE-----";
    const END: &[u8] = b"-----END SIGNED MESSAGE-----";
    let mut windows = bytes.windows(BEGIN.len());
    let begin = windows.rposition(|window| window == BEGIN)?;
    let mut armor = Vec::new();
    for line in bytes.get(begin..)?.split(|byte| *byte == b'\n') {
        let line = line.strip_prefix(b" ").unwrap_or(line);
        armor.extend_from_slice(line);
        armor.push(b'\n');
        if line == END {
            return Some(armor);
        }
    }
    None
}

/// Whether the signature holds over this object by the certificate that it carries, whoever issued that.
fn signature(verdict: &GitVerdict) -> &'static str {
    match (&verdict.signature, &verdict.evidence) {
        (None, _) => match verdict.outcome {
            Outcome::Unsigned => "none",
            _ => "invalid",
        },
        (Some(SignatureKind::Ssh), _) => "ssh",
        (Some(SignatureKind::Pgp { .. }), _) => "pgp",
        (Some(SignatureKind::Unknown), _) => "unknown",
        (Some(SignatureKind::X509), Some(evidence))
            if evidence.content.is_ok() && evidence.examination.signature.proven().is_some() =>
        {
            "valid"
        }
        (Some(SignatureKind::X509), _) => "invalid",
    }
}

fn name(san: &San) -> String {
    let kind = match san {
        San::Email(_) => "email",
        San::Uri(_) => "uri",
        San::Dns(_) => "dns",
        _ => "other",
    };
    format!("{kind}:{san}")
}

/// RFC 3339 with the offset in digits.
fn time(time: Time) -> String {
    let text = time.to_string();
    match text.strip_suffix('Z') {
        Some(text) => format!("{text}+00:00"),
        None => text,
    }
}
