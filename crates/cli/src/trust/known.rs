//! The instances that a bundle may be of, and the choice among them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signhere_http::HttpClient;
use signhere_pki::digest::sha256;
use signhere_pki::time::Clock as _;
use signhere_verify::bundle::Bundle;
use signhere_verify::instances::{Fit, Glance, Origin};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verifier::Verifier;

use super::followed::{Followed, PATIENCE};
use crate::clock::SystemClock;
use crate::commands::{Context, block_on};
use crate::error::CliError;
use crate::exit::Exit;
use crate::login::http_client;
use crate::output::Output;
use crate::output::text::safe;

/// Instances, none of which is read before a bundle may be of it.
#[derive(Debug)]
pub(crate) struct Known {
    entries: Vec<Entry>,
    /// Whether one instance was named: it is used for every bundle.
    is_named: bool,
    offline: bool,
    output: Output,
    /// Held while repositories are asked: who comes second finds what they said.
    updating: Mutex<()>,
}

/// The instance that a bundle is verified with.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// What verifies.
    pub(crate) verifier: Arc<Verifier>,
    /// The instance's name; none for files that were named.
    pub(crate) instance: Option<String>,
    /// The day of which its trusted root is, for an instance that is followed.
    pub(crate) as_of: Option<String>,
    /// The SHA-256 of its trusted root's JSON.
    root: [u8; 32],
}

/// All instances that are known.
#[derive(Debug)]
pub(crate) struct All {
    /// Those whose trusted roots can be used, the likeliest first; at least one.
    pub(crate) instances: Vec<Chosen>,
    /// A digest of their names and trusted roots.
    pub(crate) digest: [u8; 32],
}

impl Chosen {
    /// The trusted root in words.
    pub(crate) fn shown(&self) -> String {
        match (&self.instance, &self.as_of) {
            (Some(name), Some(day)) => format!("the trusted root of instance {name}, as of {day}"),
            (Some(name), None) => format!("the trusted root of instance {name}"),
            (None, _) => "the trusted root that was named".to_owned(),
        }
    }
}

#[derive(Debug)]
struct Entry {
    name: Option<String>,
    source: Source,
    state: Mutex<State>,
}

#[derive(Debug)]
enum Source {
    /// A trusted root that was read already, and what bundles are looked for in.
    Fixed(Box<TrustedRoot>, Glance),
    Followed(Box<Followed>),
}

#[derive(Debug, Default)]
struct State {
    glance: Option<Arc<Glance>>,
    chosen: Option<Chosen>,
    /// Whether the trusted root was old when it was first needed.
    is_due: Option<bool>,
    /// Whether the repository was asked in this run.
    was_asked: bool,
}

impl Known {
    /// The instances in `followed`, and `others` by name, whose trusted roots are at hand.
    pub(super) fn new(
        context: &Context,
        followed: Vec<Followed>,
        others: Vec<(Option<String>, TrustedRoot)>,
        is_named: bool,
    ) -> Self {
        let entry = |name, source| Entry {
            name,
            source,
            state: Mutex::default(),
        };
        let followed = followed.into_iter().map(|followed| {
            let name = Some(followed.name.clone());
            entry(name, Source::Followed(Box::new(followed)))
        });
        let others = others.into_iter().map(|(name, root)| {
            let glance = Glance::of(&root.to_json());
            entry(name, Source::Fixed(Box::new(root), glance))
        });
        Self {
            entries: followed.chain(others).collect(),
            is_named,
            offline: context.global.offline,
            output: context.output,
            updating: Mutex::default(),
        }
    }

    /// This trusted root for every bundle.
    pub(super) fn one(context: &Context, root: TrustedRoot) -> Self {
        Self::new(context, Vec::new(), vec![(None, root)], true)
    }

    /// The instance that a bundle is of. One whose trusted root is old, or lacks what the bundle names, is
    /// updated before.
    ///
    /// # Errors
    /// Exit 30 when the bundle is of no instance that is known, or the trusted root of its instance cannot be used.
    pub(crate) fn choose(&self, bundle: &Bundle) -> Result<Chosen, CliError> {
        let origin = Origin::of(bundle);
        let (mut best, mut fit) = self.best(&origin);
        let now = SystemClock.now();
        if !self.offline {
            let is_candidate = |entry: &Entry| match (fit, &entry.source) {
                (_, Source::Fixed(..)) => false,
                (Fit::Whole, Source::Followed(followed)) => {
                    best.is_some_and(|best| std::ptr::eq(best, entry)) && {
                        let mut state = entry.state();
                        *state.is_due.get_or_insert_with(|| followed.is_due(now))
                    }
                }
                // Nobody looks for a stranger's signature on the instance for tests.
                (Fit::Not, Source::Followed(followed)) if followed.name == "staging" => false,
                (wanted, Source::Followed(followed)) => {
                    !origin.is_empty() && entry.fit(&origin) == wanted && followed.may_ask(now)
                }
            };
            let entries = self.entries.iter();
            let due: Vec<&Entry> = entries
                .filter(|entry| !entry.state().was_asked && is_candidate(entry))
                .collect();
            if !due.is_empty() {
                self.update(&due);
                (best, fit) = self.best(&origin);
            }
        }
        match best {
            Some(entry) if fit > Fit::Not || self.is_named => entry.chosen(),
            _ => Err(unknown(&origin)),
        }
    }

    /// All instances, for many signatures of any of them. Trusted roots that are old are updated before.
    ///
    /// # Errors
    /// Exit 30 when the trusted root of the instance that was named cannot be used, or that of none.
    pub(crate) fn all(&self) -> Result<All, CliError> {
        let now = SystemClock.now();
        let is_due = |entry: &&Entry| match &entry.source {
            Source::Fixed(..) => false,
            Source::Followed(followed) => {
                (self.is_named || followed.name != "staging") && followed.is_due(now)
            }
        };
        let due: Vec<&Entry> = self.entries.iter().filter(is_due).collect();
        if !self.offline && !due.is_empty() {
            self.update(&due);
        }
        let mut instances = Vec::new();
        let mut failed = None;
        let mut digests = Vec::new();
        for entry in &self.entries {
            match entry.chosen() {
                Ok(chosen) => {
                    let name = chosen.instance.as_deref().unwrap_or_default();
                    digests.extend_from_slice(&sha256(name.as_bytes()));
                    digests.extend_from_slice(&chosen.root);
                    instances.push(chosen);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if self.is_named || instances.is_empty() => Err(error),
            Some(error) => {
                self.output.note(format_args!(
                    "note: an instance is left out: {}",
                    safe(error.message())
                ));
                Ok(All::new(instances, &digests))
            }
            None => Ok(All::new(instances, &digests)),
        }
    }

    /// The entry that fits best, the first of equals.
    fn best(&self, origin: &Origin) -> (Option<&Entry>, Fit) {
        let mut best = (self.entries.first(), Fit::Not);
        for entry in &self.entries {
            let fit = entry.fit(origin);
            if fit > best.1 {
                best = (Some(entry), fit);
            }
            if fit == Fit::Whole {
                break;
            }
        }
        best
    }

    /// Asks the repositories of these, each once; that one cannot be asked is a remark.
    fn update(&self, entries: &[&Entry]) {
        let _one_at_a_time = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        let http = http_client().reconfigured(|config| config.retry.attempts = 1);
        let updates = async {
            for entry in entries {
                entry.update(&http, self.output).await;
            }
        };
        let outcome = block_on(async { Ok(tokio::time::timeout(PATIENCE, updates).await) });
        if !matches!(outcome, Ok(Ok(()))) {
            self.output.note(format_args!(
                "note: the trust at hand is used as it is: an update took more than {} seconds",
                PATIENCE.as_secs()
            ));
        }
    }
}

impl All {
    fn new(instances: Vec<Chosen>, digests: &[u8]) -> Self {
        Self {
            instances,
            digest: sha256(digests),
        }
    }
}

impl Entry {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn update(&self, http: &HttpClient, output: Output) {
        let Source::Followed(followed) = &self.source else {
            return;
        };
        if std::mem::replace(&mut self.state().was_asked, true) {
            return;
        }
        match followed.update(http).await {
            Ok(_) => {
                let mut state = self.state();
                state.glance = None;
                state.chosen = None;
            }
            Err(error) => output.note(format_args!(
                "note: the trust at hand is used as it is: {}",
                safe(error.message())
            )),
        }
    }

    fn fit(&self, origin: &Origin) -> Fit {
        match &self.source {
            Source::Fixed(_, glance) => origin.fit(glance),
            Source::Followed(followed) => {
                let glance = {
                    let mut state = self.state();
                    let read = || Arc::new(Glance::of(&followed.glance()));
                    Arc::clone(state.glance.get_or_insert_with(read))
                };
                origin.fit(&glance)
            }
        }
    }

    fn chosen(&self) -> Result<Chosen, CliError> {
        let mut state = self.state();
        if let Some(chosen) = &state.chosen {
            return Ok(chosen.clone());
        }
        let (root, digest, as_of) = match &self.source {
            Source::Fixed(root, _) => ((**root).clone(), sha256(&root.to_json()), None),
            Source::Followed(followed) => {
                let material = followed.material(false)?;
                let root = TrustedRoot::parse(&material.trusted_root);
                let root = root.map_err(|error| CliError::from(error).about(&followed.name))?;
                let digest = sha256(&material.trusted_root);
                (root, digest, Some(material.as_of.to_string()))
            }
        };
        let chosen = Chosen {
            verifier: Arc::new(Verifier::new(root)?),
            instance: self.name.clone(),
            as_of,
            root: digest,
        };
        state.chosen = Some(chosen.clone());
        Ok(chosen)
    }
}

fn unknown(origin: &Origin) -> CliError {
    let logs = origin.log_ids.iter();
    let logs = logs.map(|id| format!("the log {}", hex::encode(id)));
    let issuer = origin.issuer.as_ref();
    let issuer = issuer.map(|issuer| format!("the certificate authority {}", issuer.name));
    let named: Vec<String> = issuer.into_iter().chain(logs.take(4)).collect();
    CliError::new(
        Exit::Trust,
        "SH-INSTANCE-UNKNOWN-BUNDLE",
        "the bundle was signed on an instance that is not known here, so that nothing can be said of it",
    )
    .expected("one that `signhere trust instances` lists")
    .found(named.join(", "))
    .mend("signhere trust add-instance URL --fingerprint HEX, both from who runs the instance")
}
