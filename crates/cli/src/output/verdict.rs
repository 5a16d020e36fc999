//! A verdict, for people.

use std::fmt::Write as _;

use signhere_verify::verdict::{
    ArtifactEvidence, BundleEvidence, CertificateEvidence, IdentityEvidence, KeyEvidence,
    LogEvidence, SctEvidence, SignatureEvidence, Step, StepName, TimeEvidence, Verdict,
};

use super::style::{DIM, cross, paint, tick};
use super::text::safe;

/// The verdict that everything holds in one line: who signed, and when.
pub(crate) fn summary(subject: &str, verdict: &Verdict) -> String {
    let mut line = format!("{} {}", tick(), safe(subject));
    match (
        verdict.step(StepName::Identity),
        verdict.step(StepName::Key),
    ) {
        (Some(Step::Identity(who)), _) => {
            let _ = write!(
                line,
                "  signed by {} {}",
                safe(&who.identity),
                paint(DIM, format_args!("({})", safe(&who.issuer))),
            );
        }
        (_, Some(Step::Key(key))) => {
            let _ = write!(line, "  signed with the key {}", short(&key.key_id));
        }
        _ => {}
    }
    if let Some(Step::Time(time)) = verdict.step(StepName::Time)
        && let Some(earliest) = time.times.iter().map(|source| source.time).min()
    {
        let _ = write!(line, " at {earliest}");
    }
    if let Some(Step::Policy(policy)) = verdict.step(StepName::Policy) {
        let listed = format_args!("({} in {})", policy.signer, safe(&policy.file));
        let _ = write!(line, " {}", paint(DIM, listed));
    }
    line
}

/// The steps that were taken, a line each, and the one that could not be; with
/// `all` the evidence of each.
pub(crate) fn steps(verdict: &Verdict, all: bool) -> String {
    let mut lines = Vec::new();
    for step in &verdict.steps {
        let row = Row::of(step);
        let mark = if row.proven { tick() } else { paint(DIM, "-") };
        lines.push(line(&mark, step.name(), &row.head));
        if all {
            let width = row.evidence.iter().map(|(name, _)| name.len()).max();
            let width = width.unwrap_or_default();
            for (name, value) in &row.evidence {
                let name = paint(DIM, format_args!("{name:<width$}"));
                lines.push(format!("                 {name}  {}", safe(value)));
            }
        }
    }
    if let Some(failure) = &verdict.failure {
        lines.push(line(&cross(), failure.step, &failure.reason.to_string()));
    }
    if all && !verdict.unknown_fields.is_empty() {
        let fields = verdict.unknown_fields.join(", ");
        lines.push(format!("   {} {}", paint(DIM, "ignored"), safe(&fields)));
    }
    lines.join("\n")
}

fn line(mark: &str, name: StepName, text: &str) -> String {
    let name = paint(DIM, format_args!("{:<11}", name.as_str()));
    format!("   {mark} {name} {}", safe(text))
}

/// A step as it is shown.
struct Row {
    head: String,
    evidence: Vec<(&'static str, String)>,
    /// False where the trusted root asks for nothing, so that nothing was proven.
    proven: bool,
}

impl Row {
    fn of(step: &Step) -> Self {
        match step {
            Step::Bundle(bundle) => Self::bundle(bundle),
            Step::Artifact(artifact) => Self::artifact(artifact),
            Step::Signature(signature) => Self::signature(signature),
            Step::Log(log) => Self::log(log),
            Step::Time(time) => Self::time(time),
            Step::Certificate(certificate) => Self::certificate(certificate),
            Step::Sct(sct) => Self::sct(sct),
            Step::Identity(identity) => Self::identity(identity),
            Step::Key(key) => Self::key(key),
            Step::Policy(policy) => {
                Self::new(format!("{} of {}", policy.signer, policy.file), Vec::new())
            }
            _ => Self::new(String::new(), Vec::new()),
        }
    }

    fn new(head: String, evidence: Vec<(&'static str, String)>) -> Self {
        Self {
            head,
            evidence,
            proven: true,
        }
    }

    fn nothing_asked(what: &str) -> Self {
        Self {
            head: format!("the trusted root has no {what}: nothing was proven here"),
            evidence: Vec::new(),
            proven: false,
        }
    }

    fn bundle(bundle: &BundleEvidence) -> Self {
        let content = match bundle.content {
            "messageSignature" => "a signature over the artifact",
            "dsseEnvelope" => "a signed statement",
            other => other,
        };
        let count = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        let entries = count(bundle.log_entries, "log entry", "log entries");
        let timestamps = count(bundle.timestamps, "timestamp", "timestamps");
        let version = bundle.version;
        Self::new(
            format!("v{version}, {content}, {entries}, {timestamps}"),
            Vec::new(),
        )
    }

    fn artifact(artifact: &ArtifactEvidence) -> Self {
        let digest = artifact.digest.as_deref();
        let mut evidence = Vec::new();
        if let Some(subject) = &artifact.subject {
            evidence.push(("subject", subject.clone()));
        }
        if let Some(predicate) = &artifact.predicate_type {
            evidence.push(("predicate", predicate.clone()));
        }
        Self::new(digest.unwrap_or("the artifact itself").to_owned(), evidence)
    }

    fn signature(signature: &SignatureEvidence) -> Self {
        Self::new(
            format!("{} over the {}", signature.scheme, signature.over),
            vec![("key", format!("sha256:{}", signature.key_id))],
        )
    }

    fn log(log: &LogEvidence) -> Self {
        if !log.required && log.entries.is_empty() {
            return Self::nothing_asked("transparency log");
        }
        let mut heads = Vec::new();
        let mut evidence = Vec::new();
        for entry in &log.entries {
            let index = entry
                .index
                .or_else(|| entry.proof.as_ref().map(|proof| proof.leaf_index));
            heads.push(match index {
                Some(index) => format!("entry {index} of {}", entry.log),
                None => format!("an entry of {}", entry.log),
            });
            evidence.push(("kind", entry.kind.clone()));
            evidence.push(("log id", entry.log_id.clone()));
            if let Some(time) = entry.promised_at {
                evidence.push(("promised", time.to_string()));
            }
            if let Some(proof) = &entry.proof {
                let (leaf, size) = (proof.leaf_index, proof.tree_size);
                evidence.push(("included", format!("leaf {leaf} in a tree of {size}")));
                evidence.push(("root", proof.root.clone()));
                if let Some(origin) = &proof.checkpoint {
                    evidence.push(("checkpoint", origin.clone()));
                }
            }
        }
        Self::new(heads.join(", "), evidence)
    }

    fn time(time: &TimeEvidence) -> Self {
        let heads: Vec<String> = time
            .times
            .iter()
            .map(|source| format!("{} by {}", source.time, source.authority))
            .collect();
        let evidence = time
            .times
            .iter()
            .filter_map(|source| Some(("serial", source.serial.clone()?)))
            .collect();
        Self::new(heads.join(", "), evidence)
    }

    fn certificate(certificate: &CertificateEvidence) -> Self {
        Self::new(
            format!(
                "valid {} to {}, issued by {}",
                certificate.not_before, certificate.not_after, certificate.issuer
            ),
            vec![
                ("authority", certificate.authority.clone()),
                ("serial", certificate.serial.clone()),
                ("fingerprint", format!("sha256:{}", certificate.fingerprint)),
                ("root", format!("sha256:{}", certificate.root)),
            ],
        )
    }

    fn sct(sct: &SctEvidence) -> Self {
        let Some(log) = &sct.log else {
            return Self::nothing_asked("certificate log");
        };
        let mut head = format!("the certificate is in {log}");
        if let Some(time) = sct.time {
            let _ = write!(head, " since {time}");
        }
        let evidence = sct.log_id.iter().map(|id| ("log id", id.clone()));
        Self::new(head, evidence.collect())
    }

    fn identity(identity: &IdentityEvidence) -> Self {
        let extensions = identity.extensions.iter();
        let evidence = extensions.map(|extension| (extension.name, extension.value.clone()));
        Self::new(
            format!("{}, vouched for by {}", identity.identity, identity.issuer),
            evidence.collect(),
        )
    }

    fn key(key: &KeyEvidence) -> Self {
        Self::new(
            format!("the key given: {}", key.kind),
            vec![("key", format!("sha256:{}", key.key_id))],
        )
    }
}

/// The beginning of a key id, enough to tell keys apart by eye.
fn short(key_id: &str) -> String {
    let start: String = key_id.chars().take(16).collect();
    format!("sha256:{start}…")
}
