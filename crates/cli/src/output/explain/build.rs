//! From claims and a verdict to the tree.

use signhere_verify::bundle::{CertificateClaim, Claims, LogEntryClaim};
use signhere_verify::verdict::{
    ArtifactEvidence, Failure, IdentityEvidence, LogEntryEvidence, Reason, Step, StepName,
};

use super::words::Login;
use super::{Evidence, Fact, Node, State};
use crate::error::CliError;

/// No more subjects of an attestation are shown.
const SUBJECTS: usize = 8;

pub(super) fn nodes(evidence: Evidence<'_>) -> Vec<Node> {
    let mut nodes = Vec::new();
    if evidence.claims.is_none() && evidence.verdict.is_none() {
        if let Some(error) = evidence.error {
            nodes.push(refusal(
                Node::new(State::Failed, "signature", error.message()),
                error,
            ));
        }
        return nodes;
    }
    nodes.push(evidence.bundle());
    nodes.push(evidence.artifact());
    nodes.push(evidence.who());
    nodes.push(evidence.when());
    nodes.push(evidence.proof());
    nodes.push(evidence.logged());
    if let Some(against) = evidence.against {
        nodes.push(Node::new(State::Claimed, "held against", against).known());
    }
    nodes.extend(evidence.rule());
    nodes
}

impl Evidence<'_> {
    fn step(&self, name: StepName) -> Option<&Step> {
        self.verdict?.step(name)
    }

    fn failure(&self) -> Option<&Failure> {
        self.verdict?.failure.as_ref()
    }

    /// Whether the step was taken, failed, or was never come to.
    fn state(&self, name: StepName) -> State {
        let Some(verdict) = self.verdict else {
            return State::Claimed;
        };
        match &verdict.failure {
            _ if verdict.step(name).is_some() => State::Proven,
            Some(failure) if failure.step == name => State::Failed,
            _ if self.claims.is_some() => State::Claimed,
            _ => State::NotReached,
        }
    }

    /// Adds expected, found and mend where the verification ended in this step.
    fn close(&self, name: StepName, mut node: Node) -> Node {
        let failed = self.failure().filter(|failure| failure.step == name);
        let Some(failure) = failed else { return node };
        node.state = State::Failed;
        let error = match self.error {
            Some(error) => error,
            None => &CliError::from(failure),
        };
        refusal(node, error)
    }

    fn bundle(&self) -> Node {
        let state = self.state(StepName::Bundle);
        let (version, content, entries, timestamps) =
            match (self.step(StepName::Bundle), self.claims) {
                (Some(Step::Bundle(bundle)), _) => (
                    bundle.version,
                    bundle.content,
                    bundle.log_entries,
                    bundle.timestamps,
                ),
                (_, Some(claims)) => (
                    claims.version,
                    claims.content,
                    claims.log_entries.len(),
                    claims.timestamps.len(),
                ),
                _ => {
                    return self.close(
                        StepName::Bundle,
                        Node::new(state, "bundle", "cannot be read"),
                    );
                }
            };
        let what = if content == "dsseEnvelope" {
            "a signed statement"
        } else {
            "a signature over the artifact"
        };
        let count = |n: usize, one: &str, many: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{n} {many}"),
        };
        let text = format!(
            "v{version}, {what}, {}, {}",
            count(entries, "log entry", "log entries"),
            count(timestamps, "timestamp", "timestamps"),
        );
        let unknown = match (self.verdict, self.claims) {
            (Some(verdict), _) => verdict.unknown_fields.as_slice(),
            (None, Some(claims)) => claims.unknown_fields.as_slice(),
            (None, None) => &[],
        };
        let ignored = (!unknown.is_empty()).then(|| unknown.join(", "));
        let node = Node::new(state, "bundle", text).maybe("ignored", ignored);
        self.close(StepName::Bundle, node)
    }

    fn artifact(&self) -> Node {
        let state = self.state(StepName::Artifact);
        let node = match (self.step(StepName::Artifact), self.claims) {
            (Some(Step::Artifact(artifact)), _) => proven_artifact(artifact),
            (_, Some(claims)) => claimed_artifact(state, claims),
            _ => Node::new(state, "artifact", unreached(state)),
        };
        self.close(StepName::Artifact, node)
    }

    fn who(&self) -> Node {
        let state = self.state(StepName::Identity);
        if let Some(Step::Key(key)) = self.step(StepName::Key) {
            return Node::new(
                State::Proven,
                "who",
                format!("the holder of a key ({})", key.kind),
            )
            .fact("key", format_args!("sha256:{}", key.key_id));
        }
        let certificate = self.claims.and_then(|claims| claims.certificate.as_ref());
        let node = match (self.step(StepName::Identity), certificate) {
            (Some(Step::Identity(who)), _) => proven_identity(who),
            (_, Some(certificate)) => claimed_identity(state, certificate),
            _ => match self.claims.and_then(|claims| claims.key_hint.as_ref()) {
                Some(hint) => Node::new(self.state(StepName::Key), "who", "the holder of a key")
                    .fact("hint", hint),
                None => Node::new(state, "who", unreached(state)),
            },
        };
        let node = self.close(StepName::Identity, node);
        self.close(StepName::Key, node)
    }

    fn when(&self) -> Node {
        let state = self.state(StepName::Time);
        let mut node = Node::new(state, "when", unreached(state));
        if let Some(Step::Time(time)) = self.step(StepName::Time) {
            let earliest = time.times.iter().map(|source| source.time).min();
            node.text = match earliest {
                Some(time) => time.to_string(),
                None => "nobody says, and nothing depends on it".to_owned(),
            };
            if earliest.is_none() {
                node.state = State::NotAsked;
            }
            for source in &time.times {
                let how = if source.kind == "log" {
                    "promised by the log"
                } else {
                    "stamped by"
                };
                let text = format!("{} {how} {}", source.time, source.authority);
                let child = Node::new(State::Proven, "time", text);
                node = node.child(child.maybe("serial", source.serial.as_ref()));
            }
        } else if let Some(claims) = self.claims {
            let promised = claims.log_entries.iter().filter_map(|e| e.integrated_time);
            let stamped = claims.timestamps.iter().filter_map(|stamp| stamp.time);
            let earliest = promised.clone().chain(stamped.clone()).min();
            node.text = earliest.map_or_else(|| "it does not say".to_owned(), |t| t.to_string());
            for time in promised {
                node = node.child(Node::new(state, "time", format!("{time} by the log")));
            }
            for stamp in &claims.timestamps {
                let text = match stamp.time {
                    Some(time) => format!("{time} by a timestamp authority"),
                    None => "a timestamp that cannot be read".to_owned(),
                };
                node = node
                    .child(Node::new(state, "time", text).maybe("serial", stamp.serial.as_ref()));
            }
        }
        self.close(StepName::Time, node)
    }

    /// Signature, certificate, SCT.
    fn proof(&self) -> Node {
        let signature = self.signature();
        let mut parts = vec![signature];
        let certificate = self.claims.and_then(|claims| claims.certificate.as_ref());
        let has_certificate = certificate.is_some()
            || self.step(StepName::Certificate).is_some()
            || matches!(self.failure(), Some(failure) if failure.step == StepName::Certificate);
        if has_certificate {
            parts.push(self.certificate(certificate));
            parts.push(self.sct(certificate));
        }
        let worst = |state| parts.iter().any(|part| part.state == state);
        let state = [State::Failed, State::Claimed, State::NotReached]
            .into_iter()
            .find(|state| worst(*state))
            .unwrap_or(State::Proven);
        let text = match parts.len() {
            1 => "the signature",
            _ => "the signature, the certificate and its log",
        };
        parts
            .into_iter()
            .fold(Node::new(state, "proven by", text), Node::child)
    }

    fn signature(&self) -> Node {
        let state = self.state(StepName::Signature);
        let node = match self.step(StepName::Signature) {
            Some(Step::Signature(signature)) => Node::new(
                state,
                "signature",
                format!("{} over the {}", signature.scheme, signature.over),
            )
            .fact("key", format_args!("sha256:{}", signature.key_id)),
            _ => Node::new(state, "signature", unreached(state)),
        };
        self.close(StepName::Signature, node)
    }

    fn certificate(&self, claim: Option<&CertificateClaim>) -> Node {
        let state = self.state(StepName::Certificate);
        let node = match (self.step(StepName::Certificate), claim) {
            (Some(Step::Certificate(proven)), _) => Node::new(
                state,
                "certificate",
                format!(
                    "issued by {}, valid {} to {}",
                    proven.issuer, proven.not_before, proven.not_after
                ),
            )
            .fact("authority", &proven.authority)
            .fact("serial", &proven.serial)
            .fact("fingerprint", format_args!("sha256:{}", proven.fingerprint))
            .fact("root", format_args!("sha256:{}", proven.root)),
            (_, Some(claim)) => Node::new(
                state,
                "certificate",
                format!(
                    "issued by {}, valid {} to {}",
                    claim.issued_by, claim.not_before, claim.not_after
                ),
            )
            .fact("serial", &claim.serial)
            .fact("fingerprint", format_args!("sha256:{}", claim.fingerprint)),
            _ => Node::new(state, "certificate", unreached(state)),
        };
        self.close(StepName::Certificate, node)
    }

    fn sct(&self, claim: Option<&CertificateClaim>) -> Node {
        let state = self.state(StepName::Sct);
        let node = match (self.step(StepName::Sct), claim) {
            (Some(Step::Sct(sct)), _) => match (&sct.log, sct.time) {
                (Some(log), Some(time)) => Node::new(
                    state,
                    "sct",
                    format!("the certificate is in {log} since {time}"),
                )
                .maybe("log id", sct.log_id.as_ref()),
                _ => Node::new(
                    State::NotAsked,
                    "sct",
                    "the trusted root has no certificate log: nothing was proven here",
                ),
            },
            (_, Some(claim)) => match claim.scts.first() {
                Some(sct) => Node::new(state, "sct", format!("seen by a log at {}", sct.time))
                    .fact("log id", &sct.log_id),
                None => Node::new(state, "sct", "the certificate has none"),
            },
            _ => Node::new(state, "sct", unreached(state)),
        };
        self.close(StepName::Sct, node)
    }

    fn logged(&self) -> Node {
        let state = self.state(StepName::Log);
        let node = match (self.step(StepName::Log), self.claims) {
            (Some(Step::Log(log)), _) if log.entries.is_empty() => Node::new(
                State::NotAsked,
                "logged in",
                "the trusted root has no transparency log: nothing was proven here",
            ),
            (Some(Step::Log(log)), _) => log.entries.iter().map(proven_entry).fold(
                Node::new(state, "logged in", many(log.entries.len())),
                Node::child,
            ),
            (_, Some(claims)) => claims
                .log_entries
                .iter()
                .map(|entry| claimed_entry(state, entry))
                .fold(
                    Node::new(state, "logged in", many(claims.log_entries.len())),
                    Node::child,
                ),
            _ => Node::new(state, "logged in", unreached(state)),
        };
        self.close(StepName::Log, node)
    }

    /// What said that the signer may sign.
    fn rule(&self) -> Option<Node> {
        if let Some(Step::Policy(policy)) = self.step(StepName::Policy) {
            let text = format!("{} in {}", policy.signer, policy.file);
            return Some(Node::new(State::Proven, "allowed by", text));
        }
        let verdict = self.verdict?;
        match &verdict.failure {
            Some(failure) if failure.reason == Reason::SignerUnchecked => Some(Node::new(
                State::NotAsked,
                "allowed by",
                "nobody was asked who may sign: this is no verification",
            )),
            Some(failure) if failure.step == StepName::Policy => Some(self.close(
                StepName::Policy,
                Node::new(State::Failed, "allowed by", failure.reason.to_string()),
            )),
            Some(_) => None,
            None => Some(Node::new(
                State::Proven,
                "allowed by",
                "what was expected on the command line",
            )),
        }
    }
}

impl Node {
    /// The trust material is neither proven nor claimed: it is what was given.
    fn known(mut self) -> Self {
        self.state = State::NotAsked;
        self
    }
}

/// `node` with what was expected and found, and the mend.
fn refusal(mut node: Node, error: &CliError) -> Node {
    node.state = State::Failed;
    node.facts.push(Fact {
        name: "refused",
        value: format!("{} [{}]", error.message(), error.code()),
    });
    let more = [
        ("expected", error.expected_text()),
        ("found", error.found_text()),
        ("mend", error.mend_or_usual()),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            node = node.fact(name, value);
        }
    }
    node.fact("more", format_args!("signhere explain {}", error.code()))
}

fn unreached(state: State) -> &'static str {
    match state {
        State::Failed => "does not hold",
        State::Claimed => "is there",
        _ => "not looked at: something before it failed",
    }
}

fn many(entries: usize) -> String {
    match entries {
        0 => "no log".to_owned(),
        1 => "a transparency log".to_owned(),
        n => format!("{n} transparency logs"),
    }
}

fn proven_artifact(artifact: &ArtifactEvidence) -> Node {
    let digest = artifact.digest.as_deref();
    Node::new(
        State::Proven,
        "artifact",
        digest.unwrap_or("the artifact itself"),
    )
    .maybe("subject", artifact.subject.as_ref())
    .maybe("statement", artifact.predicate_type.as_ref())
}

fn claimed_artifact(state: State, claims: &Claims) -> Node {
    let Some(payload_type) = &claims.payload_type else {
        let digest = claims.digest.as_deref();
        return Node::new(state, "artifact", digest.unwrap_or("it does not say which"));
    };
    let count = claims.subjects.len();
    let text = match count {
        1 => "1 artifact".to_owned(),
        n => format!("{n} artifacts"),
    };
    let mut node = Node::new(state, "artifact", text)
        .fact("payload", payload_type)
        .maybe("statement", claims.predicate_type.as_ref());
    for subject in claims.subjects.iter().take(SUBJECTS) {
        node = node.child(
            Node::new(state, "subject", subject.name.clone())
                .fact("digest", subject.digests.join(", ")),
        );
    }
    if count > SUBJECTS {
        node = node.fact(
            "not shown",
            format_args!("{} more", count.saturating_sub(SUBJECTS)),
        );
    }
    node
}

fn proven_identity(who: &IdentityEvidence) -> Node {
    let login = Login {
        identity: &who.identity,
        issuer: &who.issuer,
        extensions: &who.extensions,
    };
    let mut child =
        Node::new(State::Proven, "login", login.words()).fact("vouched for by", &who.issuer);
    child
        .facts
        .extend(who.extensions.iter().map(|extension| Fact {
            name: extension.name,
            value: extension.value.clone(),
        }));
    Node::new(State::Proven, "who", &who.identity).child(child)
}

fn claimed_identity(state: State, certificate: &CertificateClaim) -> Node {
    let identity = certificate.identity.as_deref();
    let mut node = Node::new(
        state,
        "who",
        identity.unwrap_or("the certificate names nobody"),
    );
    if let (Some(identity), Some(issuer)) = (identity, &certificate.issuer) {
        let login = Login {
            identity,
            issuer,
            extensions: &certificate.extensions,
        };
        let mut child = Node::new(state, "login", login.words()).fact("vouched for by", issuer);
        child
            .facts
            .extend(certificate.extensions.iter().map(|extension| Fact {
                name: extension.name,
                value: extension.value.clone(),
            }));
        node = node.child(child);
    }
    node
}

fn proven_entry(entry: &LogEntryEvidence) -> Node {
    let leaf = || entry.proof.as_ref().map(|proof| proof.leaf_index);
    let text = match entry.index.or_else(leaf) {
        Some(index) => format!("entry {index} of {}", entry.log),
        None => format!("an entry of {}", entry.log),
    };
    let mut node = Node::new(State::Proven, "entry", text)
        .fact("kind", &entry.kind)
        .fact("log id", &entry.log_id)
        .maybe("promised", entry.promised_at);
    if let Some(proof) = &entry.proof {
        let (leaf, size) = (proof.leaf_index, proof.tree_size);
        node = node
            .fact("included", format_args!("leaf {leaf} in a tree of {size}"))
            .fact("root", &proof.root)
            .maybe("checkpoint", proof.checkpoint.as_ref());
    }
    node
}

fn claimed_entry(state: State, entry: &LogEntryClaim) -> Node {
    let origin = entry
        .proof
        .as_ref()
        .and_then(|proof| proof.origin.as_deref());
    let text = match origin {
        Some(origin) => format!("entry {} of {origin}", entry.index),
        None => format!("entry {} of a log", entry.index),
    };
    let mut node = Node::new(state, "entry", text)
        .fact("kind", &entry.kind)
        .fact("log id", &entry.log_id)
        .maybe("digest", entry.digest.as_ref());
    match &entry.proof {
        Some(proof) => {
            let (leaf, size) = (proof.leaf_index, proof.tree_size);
            node = node.fact("included", format_args!("leaf {leaf} in a tree of {size}"));
        }
        None => node = node.fact("included", "no inclusion proof"),
    }
    if entry.promise {
        node = node.fact("promise", "a signed entry timestamp");
    }
    node
}
