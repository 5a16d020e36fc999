//! What the observer is told: the parts of the instance as they were last put together, asked at each look.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use signhere_pki::time::{Clock, Time};

use super::{Assembly, Open, Tuf};
use crate::config::{InstanceConfig, Services};
use crate::error::ServeError;
use crate::issuers::Issuers;
use crate::pool::CommitError;
use crate::state::manifest::{Manifest, Role};
use crate::status::{
    Expiry, ExpiryKind, Facts, LogFacts, LogKind, QuorumFacts, ServiceFacts, ServiceState,
    WitnessFacts,
};
use crate::store;
use crate::tuf::Repository;

/// The parts of the instance as they are now.
#[derive(Clone)]
pub(crate) struct Board {
    seen: Arc<RwLock<Option<Seen>>>,
    upkeep: Arc<RwLock<Option<ServeError>>>,
    fixed: Arc<Fixed>,
}

/// What does not change while the instance is open.
struct Fixed {
    url: String,
    root: PathBuf,
    on: Services,
    external: [(&'static str, Option<String>); 4],
    started: Time,
    issuers: Arc<Issuers>,
    clock: Arc<dyn Clock>,
}

/// What changes when the routes do.
struct Seen {
    open: Open,
    repository: Option<Arc<Repository>>,
    manifest: Manifest,
    certificates: Vec<(String, Time)>,
}

impl Board {
    /// An empty board for the instance in the folder `root`, which clients reach at `url`.
    pub(super) fn new(
        root: PathBuf,
        url: String,
        config: &InstanceConfig,
        issuers: Arc<Issuers>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let external = &config.external;
        let url_of = |url: &url::Url| url.to_string();
        let fixed = Fixed {
            url,
            root,
            on: config.services,
            external: [
                ("ca", external.ca.as_ref().map(|ca| url_of(&ca.url))),
                ("ct", external.ct.as_ref().map(|ct| url_of(&ct.url))),
                ("log", external.log.as_ref().map(|log| url_of(&log.url))),
                ("tsa", external.tsa.as_ref().map(|tsa| url_of(&tsa.url))),
            ],
            started: clock.now(),
            issuers,
            clock,
        };
        Self {
            seen: Arc::default(),
            upkeep: Arc::default(),
            fixed: Arc::new(fixed),
        }
    }

    /// Notes what the routes have been put together from.
    pub(super) fn note(&self, parts: &Assembly, now: Time) -> Result<(), ServeError> {
        let keyring = &parts.keyring;
        let on = self.fixed.on;
        let manifest = keyring.manifest().clone();
        let mut certificates = Vec::new();
        for (is_on, role) in [(on.ca, Role::Ca), (on.tsa, Role::Tsa)] {
            let Some(shard) = manifest.active(role, now).filter(|_| is_on) else {
                continue;
            };
            for (position, certificate) in keyring.chain(&shard.name)?.iter().enumerate() {
                let name = match position {
                    0 => shard.name.clone(),
                    _ => format!("{}-root", role.name()),
                };
                certificates.push((name, certificate.not_after()));
            }
        }
        let seen = Seen {
            open: parts.open.clone(),
            repository: parts.tuf.as_ref().map(Tuf::repository),
            manifest,
            certificates,
        };
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(())
    }

    /// Notes what the last attempt to do what is due failed with, if it did.
    pub(crate) fn note_upkeep(&self, failure: Option<ServeError>) {
        *self.upkeep.write().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// The facts of the moment.
    pub(super) fn facts(&self) -> Facts {
        let fixed = &self.fixed;
        let now = fixed.clock.now();
        let mut facts = Facts {
            id: String::new(),
            url: fixed.url.clone(),
            started: fixed.started,
            now,
            services: Vec::new(),
            logs: Vec::new(),
            expiries: Vec::new(),
            issuers: fixed.issuers.health().into_iter().map(Into::into).collect(),
            witnesses: Vec::new(),
            quorum: None,
            clock: None,
            upkeep: self.upkeep_failure(),
        };
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let Some(seen) = seen.as_ref() else {
            return facts;
        };
        facts.id.clone_from(&seen.manifest.id);
        facts.clock = seen
            .open
            .clock
            .as_ref()
            .and_then(|clock| clock.jump())
            .map(|jump| jump.to_string());
        facts.logs = seen.logs(fixed, now);
        seen.ask_after_witnesses(&mut facts, now);
        facts.services = services(fixed, &facts.logs, facts.clock.as_deref());
        facts.expiries = seen
            .certificates
            .iter()
            .map(|(what, at)| Expiry {
                kind: ExpiryKind::Certificate,
                what: what.clone(),
                at: *at,
            })
            .collect();
        let roles = seen.repository.iter().flat_map(|tuf| tuf.expiries());
        facts.expiries.extend(roles.map(|(role, at)| Expiry {
            kind: ExpiryKind::Tuf,
            what: role.trim_start_matches("TUF ").to_owned(),
            at,
        }));
        facts
    }

    fn upkeep_failure(&self) -> Option<String> {
        let upkeep = self.upkeep.read().unwrap_or_else(PoisonError::into_inner);
        upkeep.as_ref().map(ToString::to_string)
    }
}

impl Seen {
    /// The witnesses of the active log: those before it ask nobody any more.
    fn ask_after_witnesses(&self, facts: &mut Facts, now: Time) {
        let active = self.manifest.active(Role::Log, now);
        let Some(board) = active.and_then(|shard| self.open.witnesses.get(&shard.name)) else {
            return;
        };
        let health = board.health();
        facts.quorum = Some(QuorumFacts {
            fails_open: health.fails_open,
            missing_since: health.quorum_missing_since,
        });
        let witnesses = health.witnesses.into_iter();
        facts.witnesses = witnesses
            .map(|witness| WitnessFacts {
                name: witness.name,
                cosigned_at: witness.cosigned.map(|(_, at)| at),
                failing_since: witness.failing.map(|(since, _)| since),
                failures: witness.answers.failed,
            })
            .collect();
    }

    fn logs(&self, fixed: &Fixed, now: Time) -> Vec<LogFacts> {
        let open = &self.open;
        let mut logs = Vec::new();
        for (role, kind) in [
            (Role::Log, LogKind::Signatures),
            (Role::Ct, LogKind::Certificates),
        ] {
            let active = self.manifest.active(role, now).map(|shard| &shard.name);
            for shard in self.manifest.shards(role) {
                let name = &shard.name;
                let asked = match role {
                    Role::Log => open
                        .logs
                        .get(name)
                        .map(|log| (log.failure(), log.waiting())),
                    _ => open.ct.get(name).map(|log| (log.failure(), log.waiting())),
                };
                let Some((failure, waiting)) = asked else {
                    continue;
                };
                let folder = fixed.root.join(&shard.name);
                logs.push(LogFacts {
                    name: shard.name.clone(),
                    kind,
                    origin: shard.origin.clone(),
                    prefix: format!("/{}", shard.name),
                    active: active == Some(&shard.name),
                    end: shard.end,
                    has_ended: matches!(failure, Some(CommitError::Ended(_))),
                    failure: failure.map(|failure| failure.to_string()),
                    waiting: Some(waiting),
                    objects: store::objects(&folder),
                    folder,
                });
            }
        }
        logs
    }
}

fn services(fixed: &Fixed, logs: &[LogFacts], clock: Option<&str>) -> Vec<ServiceFacts> {
    let on = fixed.on;
    let failure = |kind: LogKind| {
        let mut active = logs.iter().filter(|log| log.active && log.kind == kind);
        active.find_map(|log| log.failure.clone())
    };
    let base = &fixed.url;
    let service = |name: &'static str, is_on: bool, path: &str, problem: Option<String>| {
        let elsewhere = fixed
            .external
            .iter()
            .find_map(|(other, url)| (*other == name).then_some(url.as_ref()?));
        let state = match (is_on, elsewhere) {
            (true, _) => ServiceState::On,
            (false, Some(_)) => ServiceState::External,
            (false, None) => ServiceState::Off,
        };
        ServiceFacts {
            name,
            state,
            url: match state {
                ServiceState::On => Some(format!("{base}{path}")),
                _ => elsewhere.cloned(),
            },
            problem: problem.filter(|_| is_on),
        }
    };
    let certificates = failure(LogKind::Certificates);
    let without_ct = certificates
        .as_ref()
        .map(|_| "certificates cannot be logged".to_owned());
    vec![
        service("oidc", on.oidc, "/oidc", None),
        service("ca", on.ca, "", without_ct),
        service("ct", on.ct, "/ct", certificates),
        service("log", on.log, "", failure(LogKind::Signatures)),
        service("tsa", on.tsa, "/api/v1/timestamp", clock.map(str::to_owned)),
        service("tuf", on.tuf, "/tuf", None),
        service("witness", on.witness, "", None),
    ]
}
