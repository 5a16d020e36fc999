//! The parts of an instance, put together from its keys, its configuration and the time.
//!
//! Which key a service signs with follows from the manifest and the clock alone. When another becomes the active one,
//! the routes are put together anew: what is open stays open, and requests under way end where they began.

mod board;
mod documents;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use signhere_http::{HttpClient, HttpConfig, TlsRoots, TokioSleep};
use signhere_log::cosignature::Cosign;
use signhere_pki::build::CertificateAuthority;
use signhere_pki::cert::Certificate;
use signhere_pki::random::Random;
use signhere_pki::time::{Clock, Time};
use signhere_pki::tsp::{DEFAULT_POLICY, TsaSigner};

use crate::ca::Ca;
use crate::config::{InstanceConfig, Services};
use crate::control::{Rotate, Rotated};
use crate::ct::{CtLog, CtTarget, ExternalCt};
use crate::endpoints::Endpoints;
use crate::error::ServeError;
use crate::http;
use crate::http::limits::Limiter;
use crate::issuers::{DevelopmentIssuer, Issuers};
use crate::log::Log;
use crate::observe::Observer;
use crate::oidc::{CLIENT_ID, Issuer};
use crate::state::StateFolder;
use crate::state::keyring::{Keyring, OIDC};
use crate::state::manifest::{Manifest, Role, Shard};
use crate::store::Place;
use crate::trust;
use crate::tsa::{ClockWatch, GivenMark, STEP_BACK, Tsa};
use crate::tuf::Tuf;
use crate::witness::client::{Witnesses, Witnessing};
use crate::witness::{self, health, server::Witness};
pub(crate) use board::Board;
pub(crate) use documents::Documents;

/// The parts of an instance.
pub(crate) struct Assembly {
    config: InstanceConfig,
    endpoints: Endpoints,
    keyring: Keyring,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    development: Option<Arc<Issuer>>,
    /// Whom the CA believes: kept when the routes change, for the keys that it has fetched.
    issuers: Arc<Issuers>,
    http: Arc<HttpClient>,
    open: Open,
    documents: Documents,
    witness: Option<Arc<Witness>>,
    tuf: Option<Tuf>,
    given: Option<GivenMark>,
    is_published: bool,
    active: Active,
    board: Board,
    observer: Arc<Observer>,
    limiter: Arc<Limiter>,
    // Last, so that nobody else gets the folder while a log still writes.
    folder: StateFolder,
}

/// The services that are open, by the names of their shards.
#[derive(Clone, Default)]
struct Open {
    ct: BTreeMap<String, Arc<CtLog>>,
    logs: BTreeMap<String, Arc<Log>>,
    tsas: BTreeMap<String, Arc<Tsa>>,
    /// How the witnesses of each log are.
    witnesses: BTreeMap<String, Arc<health::Board>>,
    clock: Option<Arc<ClockWatch>>,
}

/// The shards that the services sign with, by role.
type Active = [Option<String>; Role::ALL.len()];

impl Assembly {
    /// The parts of the instance in `folder`. Its logs are opened when their routes are asked for.
    pub(crate) fn new(
        folder: StateFolder,
        mut keyring: Keyring,
        config: InstanceConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServeError> {
        let (now, created) = (clock.now(), keyring.manifest().created);
        if now < created {
            return Err(ServeError::ClockBehind { created, now });
        }
        keyring.note_served(&switched_on(config.services))?;
        let endpoints = Endpoints::new(&config, &keyring.manifest().id);
        let told = trust::client_trust_config(&keyring, &endpoints, &config)?;
        let documents = Documents::new(&told);
        let tuf = match config.services.tuf {
            true => {
                let targets = documents.now();
                let targets = targets.targets();
                Some(Tuf::open(folder.root(), &keyring, &targets, now)?)
            }
            false => None,
        };
        // On a full disk what was published before is served; the upkeep tries again.
        let publish = |tuf: &Tuf| tuf.publish(&documents.now().targets(), now).map(drop);
        let published = tuf.as_ref().map_or(Ok(()), publish);
        let published = published.and_then(|()| documents.write(folder.root()));
        let is_published = match published {
            Ok(()) => true,
            Err(error) if error.is_for_want_of_room() => false,
            Err(error) => return Err(error),
        };
        let development = match config.services.oidc {
            true => Some(Arc::new(Issuer::new(
                endpoints.clone(),
                keyring.key(OIDC)?,
                Arc::clone(&clock),
                Arc::clone(&random),
            ))),
            false => None,
        };
        let witness = open_witness(&folder, &keyring, &config, &clock)?;
        let own = development.as_ref().map(|issuer| DevelopmentIssuer {
            url: endpoints.issuer(),
            audience: CLIENT_ID.to_owned(),
            keys: issuer.keys().clone(),
        });
        let http = Arc::new(HttpClient::new(
            HttpConfig::default(),
            Arc::new(TokioSleep),
            Arc::clone(&random),
        ));
        let believed = config.issuers.fulcio.clone();
        let issuers = Arc::new(Issuers::new(believed, own, &http, Arc::clone(&clock))?);
        let board = Board::new(
            folder.root().to_path_buf(),
            endpoints.base(),
            &config,
            Arc::clone(&issuers),
            Arc::clone(&clock),
        );
        let mut prefix = [0; 4];
        random
            .fill(&mut prefix)
            .map_err(|e| ServeError::make("request ids", &e))?;
        let on_board = board.clone();
        let observer = Observer::new(
            Arc::new(move || on_board.facts()),
            u32::from_be_bytes(prefix),
        );
        Ok(Self {
            board,
            observer,
            limiter: Limiter::new(&config.rates),
            config,
            endpoints,
            keyring,
            clock,
            random,
            development,
            issuers,
            http,
            open: Open::default(),
            documents,
            witness,
            tuf,
            given: None,
            is_published,
            active: Active::default(),
            folder,
        })
    }

    /// The URLs of the instance.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Who watches the instance.
    pub(crate) fn observer(&self) -> Arc<Observer> {
        Arc::clone(&self.observer)
    }

    /// What clients are told.
    pub(crate) fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Whether another shard is due than those that the routes were put together with.
    pub(crate) fn has_to_change(&self, now: Time) -> bool {
        active(self.keyring.manifest(), now) != self.active
    }

    /// The routes of all services that are on, with the layers around them.
    pub(crate) fn routes(&mut self, now: Time) -> Result<Router, ServeError> {
        let on = self.config.services;
        let mut routes = self.documents.router();
        if let Some(issuer) = &self.development {
            routes = routes.merge(Arc::clone(issuer).router());
        }
        if on.ct {
            routes = routes.merge(self.ct_routes(now)?);
        }
        if on.ca {
            routes = routes.merge(self.ca_routes(now)?);
        }
        if on.log {
            routes = routes.merge(self.log_routes(now)?);
        }
        if on.tsa {
            routes = routes.merge(self.tsa_routes(now)?);
        }
        if let Some(tuf) = &self.tuf {
            routes = routes.merge(tuf.router());
        }
        if let Some(witness) = &self.witness {
            routes = routes.merge(Arc::clone(witness).router());
        }
        self.board.note(self, now)?;
        self.active = active(self.keyring.manifest(), now);
        let watched = match self.config.metrics {
            Some(_) => self.observer.health_routes(),
            None => self.observer.routes(),
        };
        let routes = routes.merge(watched).merge(self.observer.pages());
        let (endpoints, limits) = (self.endpoints.clone(), self.config.limits);
        let routes = http::with_layers(routes, endpoints, limits);
        Ok(self.observer.layer(self.limiter.layer(routes)))
    }

    /// Adds a key for a service, and says from when on it signs. Clients are told by [`Assembly::publish`].
    pub(crate) fn rotate(&mut self, request: Rotate, now: Time) -> Result<Rotated, ServeError> {
        let lead = match request.lead_seconds {
            Some(seconds) => i64::from(seconds),
            None => i64::try_from(self.config.rotation_lead.as_secs()).unwrap_or(i64::MAX),
        };
        // The next second at the earliest: in this one the key before may have signed.
        let start = now.plus_seconds(lead.max(1));
        let random = self.random.as_ref();
        let shard = self.keyring.add(request.role, start, now, random)?;
        self.is_published = false;
        Ok(Rotated {
            shard: shard.name,
            start,
        })
    }

    /// Tells clients what the manifest says, unless they have been told: by TUF, in the folder, and over HTTP.
    pub(crate) fn publish(&mut self, now: Time) -> Result<(), ServeError> {
        let refreshed = self.tuf.as_ref().map(|tuf| tuf.refresh(&self.keyring, now));
        let refreshed = refreshed.transpose();
        if !self.is_published {
            let told = trust::client_trust_config(&self.keyring, &self.endpoints, &self.config)?;
            self.documents.replace(&told);
            if let Some(tuf) = &self.tuf {
                tuf.publish(&self.documents.now().targets(), now)?;
            }
            self.documents.write(self.folder.root())?;
            self.is_published = true;
        }
        refreshed.map(|_| ())
    }

    /// Where whoever asks how the instance is reads it.
    pub(crate) fn board(&self) -> Board {
        self.board.clone()
    }

    /// Notes for the next start which time was given last: now and then, or `at_once`.
    pub(crate) fn note_given(&mut self, at_once: bool) -> Result<(), ServeError> {
        let given = self.open.clock.as_ref().and_then(|clock| clock.given());
        match (&mut self.given, given) {
            (Some(mark), Some(given)) => mark.note(given, at_once),
            _ => Ok(()),
        }
    }

    /// Commits what waits in the logs, then closes them.
    pub(crate) fn close(&mut self) {
        // What cannot be noted now was noted some seconds ago.
        let _ = self.note_given(true);
        self.open.logs.values().for_each(|log| log.close());
        self.open.ct.values().for_each(|log| log.close());
    }

    /// The active CT log under `/ct` and its name; those before it, to be read under theirs.
    fn ct_routes(&mut self, now: Time) -> Result<Router, ServeError> {
        let active = self.active_shard(Role::Ct, now)?;
        let mut routes = self.ct_log(&active)?.router("/ct");
        for shard in begun(self.keyring.manifest(), Role::Ct, now) {
            let (log, prefix) = (self.ct_log(&shard)?, format!("/{}", shard.name));
            routes = routes.merge(match shard == active {
                true => log.router(&prefix),
                false => log.reads(&prefix),
            });
        }
        Ok(routes)
    }

    fn ca_routes(&mut self, now: Time) -> Result<Router, ServeError> {
        let ct = match &self.config.external.ct {
            Some(log) => {
                let http = Arc::clone(&self.http);
                CtTarget::External(ExternalCt::new(&log.url, log.key.clone(), http)?)
            }
            None => CtTarget::Own(self.ct_log(&self.active_shard(Role::Ct, now)?)?),
        };
        let name = self.active_shard(Role::Ca, now)?.name;
        let key = self.keyring.key(&name)?;
        let authority = CertificateAuthority::new(self.keyring.certificate(&name)?, Box::new(key))
            .map_err(|e| ServeError::make("the CA", &e))?;
        let ca = Ca::new(
            authority,
            &self.keyring.chain(&name)?,
            &self.other_ca_chains(&name)?,
            Arc::clone(&self.issuers),
            ct,
            Arc::clone(&self.clock),
            Arc::clone(&self.random),
        )?;
        Ok(Arc::new(ca).router())
    }

    /// Takes no more entries into the logs before the active one. Called once its routes are in place: a client that is
    /// told to go on to the latest log must find it.
    pub(crate) fn freeze_earlier_logs(&self) {
        for (name, log) in &self.open.logs {
            if !self.active.iter().flatten().any(|active| active == name) {
                log.freeze();
            }
        }
    }

    /// The active log where clients send entries; those before it, to be read under their names.
    fn log_routes(&mut self, now: Time) -> Result<Router, ServeError> {
        let active = self.active_shard(Role::Log, now)?;
        let mut routes = Router::new();
        for shard in begun(self.keyring.manifest(), Role::Log, now) {
            let log = self.log(&shard)?;
            routes = routes.merge(log.reads(&format!("/{}", shard.name)));
        }
        Ok(routes.merge(self.log(&active)?.router()))
    }

    fn tsa_routes(&mut self, now: Time) -> Result<Router, ServeError> {
        let active = self.active_shard(Role::Tsa, now)?;
        Ok(self.tsa(&active.name)?.router())
    }

    /// The CT log of a shard, opened if it is not open yet.
    fn ct_log(&mut self, shard: &Shard) -> Result<Arc<CtLog>, ServeError> {
        if let Some(log) = self.open.ct.get(&shard.name) {
            return Ok(Arc::clone(log));
        }
        let log = Arc::new(CtLog::open(
            &self.log_place(&shard.name)?,
            &shard.origin,
            self.keyring.key(&shard.name)?,
            &self.ca_chain()?,
            Arc::clone(&self.clock),
            self.config.limits,
        )?);
        self.open.ct.insert(shard.name.clone(), Arc::clone(&log));
        Ok(log)
    }

    /// The signature log of a shard, opened if it is not open yet.
    fn log(&mut self, shard: &Shard) -> Result<Arc<Log>, ServeError> {
        if let Some(log) = self.open.logs.get(&shard.name) {
            return Ok(Arc::clone(log));
        }
        let witnesses = self.witnesses(shard)?;
        let log = Arc::new(Log::open(
            &self.log_place(&shard.name)?,
            &shard.origin,
            self.keyring.key(&shard.name)?,
            witnesses,
            Arc::clone(&self.clock),
            self.config.limits,
        )?);
        self.open.logs.insert(shard.name.clone(), Arc::clone(&log));
        Ok(log)
    }

    /// The witnesses that the log of a shard asks, if the configuration names a policy.
    fn witnesses(&mut self, shard: &Shard) -> Result<Option<Box<dyn Cosign>>, ServeError> {
        let config = &self.config.log;
        let Some(policy) = &config.witnesses else {
            return Ok(None);
        };
        let witnessing = Witnessing {
            policy: witness::read_policy(policy)?,
            fail_open: config.fail_open,
            time_limit: config.witness_time,
            roots: TlsRoots::System,
        };
        let (clock, random) = (Arc::clone(&self.clock), Arc::clone(&self.random));
        let witnesses = Witnesses::new(witnessing, clock, random)?;
        let boards = &mut self.open.witnesses;
        boards.insert(shard.name.clone(), Arc::clone(witnesses.board()));
        Ok(Some(Box::new(witnesses)))
    }

    /// The timestamp authority of a shard. All of them watch the clock as one: a new key does not mend it.
    fn tsa(&mut self, name: &str) -> Result<Arc<Tsa>, ServeError> {
        if let Some(tsa) = self.open.tsas.get(name) {
            return Ok(Arc::clone(tsa));
        }
        let signer = TsaSigner {
            certificate: self.keyring.certificate(name)?,
            signer: Box::new(self.keyring.key(name)?),
            policy: DEFAULT_POLICY,
        };
        let tsa = Arc::new(Tsa::new(
            signer,
            &self.keyring.chain(name)?,
            self.clock_watch()?,
            Arc::clone(&self.random),
        ));
        self.open.tsas.insert(name.to_owned(), Arc::clone(&tsa));
        Ok(tsa)
    }

    /// The watch over the clock, which must not be before what was given in an earlier life.
    fn clock_watch(&mut self) -> Result<Arc<ClockWatch>, ServeError> {
        if let Some(watch) = &self.open.clock {
            return Ok(Arc::clone(watch));
        }
        let marks = self.folder.marks(self.config.log.high_water.as_deref())?;
        let given = GivenMark::open(marks.join("tsa"))?;
        given.check(self.clock.now(), STEP_BACK)?;
        let created = self.keyring.manifest().created;
        let since = given.noted().map_or(created, |given| given.max(created));
        let watch = Arc::new(ClockWatch::new(Arc::clone(&self.clock), since));
        self.open.clock = Some(Arc::clone(&watch));
        self.given = Some(given);
        Ok(watch)
    }

    fn log_place(&self, name: &str) -> Result<Place, ServeError> {
        let marks = self.folder.marks(self.config.log.high_water.as_deref())?;
        self.folder.log_place(name, &marks)
    }

    /// The chains of the authorities before and after the one of this name.
    fn other_ca_chains(&self, name: &str) -> Result<Vec<Vec<Certificate>>, ServeError> {
        let shards = self.keyring.manifest().shards(Role::Ca).iter();
        let others = shards.filter(|shard| shard.name != name);
        others
            .map(|shard| self.keyring.chain(&shard.name))
            .collect()
    }

    fn ca_chain(&self) -> Result<Vec<Certificate>, ServeError> {
        let name = &self.active_shard(Role::Ca, self.clock.now())?.name;
        self.keyring.chain(name)
    }

    fn active_shard(&self, role: Role, now: Time) -> Result<Shard, ServeError> {
        let shard = self.keyring.manifest().active(role, now).cloned();
        shard.ok_or_else(|| ServeError::make(role.name(), &"no key has begun to sign"))
    }
}

/// The witness for the logs of others, if it is on. Its memory has one holder, for the life of the instance.
fn open_witness(
    folder: &StateFolder,
    keyring: &Keyring,
    config: &InstanceConfig,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<Witness>>, ServeError> {
    let Some(logs) = config
        .witness
        .logs
        .as_deref()
        .filter(|_| config.services.witness)
    else {
        return Ok(None);
    };
    let marks = folder.marks(config.log.high_water.as_deref())?;
    let mark = marks.join("witness");
    let memory = folder.service("witness")?;
    witness::open(keyring, &memory, &mark, logs, Arc::clone(clock)).map(Some)
}

fn switched_on(services: Services) -> Vec<Role> {
    let is_on = |role: &Role| match role {
        Role::Ca => services.ca,
        Role::Ct => services.ct,
        Role::Log => services.log,
        Role::Tsa => services.tsa,
    };
    Role::ALL.into_iter().filter(is_on).collect()
}

fn active(manifest: &Manifest, now: Time) -> Active {
    Role::ALL.map(|role| manifest.active(role, now).map(|shard| shard.name.clone()))
}

/// The shards of a role that sign or have signed.
fn begun(manifest: &Manifest, role: Role, now: Time) -> Vec<Shard> {
    let shards = manifest.shards(role).iter();
    shards.filter(|shard| shard.start <= now).cloned().collect()
}
