//! The logins, and what is done with them.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::value::RawValue;
use signhere_pki::time::Time;
use tokio::sync::Semaphore;

use super::held::{Held, Secrets, lock, refusal_of};
use super::protocol::{
    Answer, Kept, LoginRequest, LogoutRequest, Refusal, SignRequest, Status, quoted,
};
use super::{Event, Journal, Subject, harden::Hardening};
use crate::identity::oidc::RefreshToken;
use crate::identity::{AUDIENCE, IdentityToken};
use crate::instance::Instance;
use crate::session::{Enrolled, Session, Tools};

/// How many logins are kept at a time.
pub(super) const MAX_LOGINS: usize = 16;
/// How many signatures are made at a time.
const AT_A_TIME: usize = 8;

/// A future that is handed over.
type Handed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The instances that the agent's owner knows.
pub trait Instances: Send + Sync {
    /// The one name of the instance that `asked` names; of the default one, if nothing is asked for.
    ///
    /// # Errors
    /// What to tell the caller.
    fn name(&self, asked: Option<&str>) -> Result<String, String>;

    /// The instance with this name, as it is now.
    ///
    /// # Errors
    /// What to tell the caller.
    fn load<'a>(&'a self, name: &'a str) -> Handed<'a, Result<Instance, String>>;
}

/// How long logins are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// After it was last used.
    pub idle: Duration,
    /// After it began.
    pub absolute: Duration,
}

impl Default for Lifetimes {
    /// A working day: ten hours, and two without any use.
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(2 * 60 * 60),
            absolute: Duration::from_secs(10 * 60 * 60),
        }
    }
}

/// What keeps the logins and signs with them.
pub struct Keeper {
    tools: Tools,
    instances: Arc<dyn Instances>,
    journal: Arc<dyn Journal>,
    lifetimes: Lifetimes,
    hardening: Hardening,
    since: Time,
    used: Mutex<Duration>,
    logins: Mutex<Vec<Arc<Held>>>,
    signing: Semaphore,
}

impl Keeper {
    /// A keeper without logins.
    pub fn new(
        instances: Arc<dyn Instances>,
        journal: Arc<dyn Journal>,
        lifetimes: Lifetimes,
        hardening: Hardening,
        tools: Tools,
    ) -> Self {
        Self {
            since: tools.clock.now(),
            used: Mutex::new(tools.clock.elapsed()),
            tools,
            instances,
            journal,
            lifetimes,
            hardening,
            logins: Mutex::default(),
            signing: Semaphore::new(AT_A_TIME),
        }
    }

    /// The bundle of a signature over `subject`, which is what `request` wants.
    pub async fn sign(
        self: &Arc<Self>,
        request: &SignRequest,
        subject: &Subject<'_>,
    ) -> Result<Answer, Refusal> {
        let instance = self.name(request.instance.as_deref())?;
        let held = self.find(&instance, request)?;
        let session = self.session_of(&held).await?;
        let signing = self.signing.acquire().await;
        let _signing = signing.map_err(|error| Refusal::Internal {
            message: error.to_string(),
        })?;
        let signed = session.sign(subject.payload()).await;
        let signed = match signed {
            Ok(signed) => signed,
            Err(error) => {
                let refusal = refusal_of(error, &held.instance);
                if !matches!(
                    refusal,
                    Refusal::Service {
                        transient: true,
                        ..
                    }
                ) {
                    // The instance may not be any more what it was when this session began.
                    held.distrust(&session).await;
                }
                return Err(refusal);
            }
        };
        held.count(self.tools.clock.elapsed());
        let json = String::from_utf8(signed.bundle.to_json()).ok();
        let bundle = json.and_then(|json| RawValue::from_string(json).ok());
        bundle.map(Answer::Bundle).ok_or_else(|| Refusal::Internal {
            message: "the bundle is not JSON".to_owned(),
        })
    }

    /// Keeps a login, once it has got its first certificate. It takes the place of one of the same person.
    pub async fn login(self: &Arc<Self>, request: LoginRequest) -> Result<Kept, Refusal> {
        let token = IdentityToken::parse(&request.token, AUDIENCE, self.tools.clock.now());
        let token = token.map_err(|error| Refusal::Token {
            message: quoted(error),
        })?;
        let instance = self.name(request.instance.as_deref())?;
        let (session, enrolled) = self.enroll(&instance, token.clone()).await?;
        let secrets = Secrets {
            token,
            refresh: request.refresh_token.map(RefreshToken::from_secret),
            session,
            enrolled,
        };
        let held = Arc::new(Held::begin(instance, secrets, self));
        let replaced = {
            let mut logins = lock(&self.logins);
            let same = |other: &Arc<Held>| {
                (&other.instance, &other.identity, &other.issuer)
                    == (&held.instance, &held.identity, &held.issuer)
            };
            let replaced = logins.iter().position(same).map(|at| logins.remove(at));
            if logins.len() >= MAX_LOGINS {
                return Err(Refusal::TooManyLogins { limit: MAX_LOGINS });
            }
            logins.push(Arc::clone(&held));
            replaced
        };
        if let Some(replaced) = replaced {
            self.end(replaced, "a new login took its place").await;
        }
        Ok(held.describe(self))
    }

    /// Forgets the logins that fit the request, and gives refresh tokens back. How many they were.
    pub async fn logout(self: &Arc<Self>, request: &LogoutRequest) -> Result<usize, Refusal> {
        let instance = match &request.instance {
            Some(name) => Some(self.name(Some(name))?),
            None => None,
        };
        let fits = |held: &Held| {
            instance.as_ref().is_none_or(|name| *name == held.instance)
                && request
                    .identity
                    .as_ref()
                    .is_none_or(|identity| *identity == held.identity)
        };
        Ok(self
            .forget(|held| fits(held).then_some("somebody logged out"))
            .await)
    }

    /// Forgets the logins whose time is over. It waits for their issuers, which may take long: nothing else should.
    pub async fn expire(self: &Arc<Self>) {
        let now = self.tools.clock.elapsed();
        self.forget(|held| held.end(now, self.lifetimes)).await;
    }

    /// Whether somebody is logged in for the instance that `asked` names, by the name that its login has or by one
    /// that leads to no place.
    pub(super) fn is_for(&self, asked: &str) -> bool {
        let has = |name: &str| lock(&self.logins).iter().any(|held| held.instance == name);
        let is_name = !asked.contains('/');
        has(asked)
            || is_name
                && self
                    .instances
                    .name(Some(asked))
                    .is_ok_and(|name| has(&name))
    }

    /// Whether nothing is kept, and nobody has asked for anything as long as a login may be idle.
    pub fn is_useless(&self) -> bool {
        let unused = self.tools.clock.elapsed().saturating_sub(*lock(&self.used));
        lock(&self.logins).is_empty() && unused >= self.lifetimes.idle
    }

    /// What is kept.
    pub fn status(&self) -> Status {
        let logins = lock(&self.logins).clone();
        Status {
            pid: std::process::id(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            since: self.since,
            idle_seconds: self.lifetimes.idle.as_secs(),
            lifetime_seconds: self.lifetimes.absolute.as_secs(),
            hardening: self.hardening.clone(),
            logins: logins.iter().map(|held| held.describe(self)).collect(),
        }
    }

    /// Somebody asked for something.
    pub(super) fn touch(&self) {
        *lock(&self.used) = self.tools.clock.elapsed();
    }

    pub(super) fn tools(&self) -> &Tools {
        &self.tools
    }

    pub(super) fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    pub(super) fn journal(&self) -> &dyn Journal {
        &*self.journal
    }

    /// A session on the instance as it is now, and its certificate.
    pub(super) async fn enroll(
        &self,
        instance: &str,
        token: IdentityToken,
    ) -> Result<(Arc<Session>, Enrolled), Refusal> {
        let loaded = self.instances.load(instance).await;
        let loaded = loaded.map_err(|message| Refusal::Instance { message })?;
        let session = Session::keyless(&loaded, token, self.tools.clone());
        let session = session.map_err(|error| refusal_of(error, instance))?;
        let enrolled = session.enroll().await;
        let enrolled = enrolled.map_err(|error| refusal_of(error, instance))?;
        Ok((Arc::new(session), enrolled))
    }

    async fn session_of(self: &Arc<Self>, held: &Arc<Held>) -> Result<Arc<Session>, Refusal> {
        let outcome = held.session(self).await;
        if let Err(Refusal::LoginNeeded { because, .. }) = &outcome {
            let why = because.as_deref().unwrap_or("it was forgotten");
            self.drop_login(held);
            self.end(Arc::clone(held), why).await;
        }
        outcome
    }

    fn name(&self, asked: Option<&str>) -> Result<String, Refusal> {
        let name = self.instances.name(asked);
        name.map_err(|message| Refusal::Instance { message })
    }

    /// The login that a request means.
    fn find(&self, instance: &str, request: &SignRequest) -> Result<Arc<Held>, Refusal> {
        let (now, lifetimes) = (self.tools.clock.elapsed(), self.lifetimes);
        let instance = instance.to_owned();
        let here: Vec<_> = lock(&self.logins)
            .iter()
            .filter(|held| held.instance == instance && held.end(now, lifetimes).is_none())
            .cloned()
            .collect();
        if here.is_empty() {
            let because = None;
            return Err(Refusal::LoginNeeded { instance, because });
        }
        let fits = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        let names = |logins: &[Arc<Held>]| {
            let names = logins.iter().map(|held| held.identity.clone());
            names.collect::<Vec<_>>()
        };
        let fitting: Vec<_> = here
            .iter()
            .filter(|held| {
                fits(&request.identity, &held.identity) && fits(&request.issuer, &held.issuer)
            })
            .cloned()
            .collect();
        match &fitting[..] {
            [] => {
                let wanted = request.identity.as_ref().or(request.issuer.as_ref());
                Err(Refusal::IdentityNotHere {
                    instance,
                    wanted: quoted(wanted.map_or("", String::as_str)),
                    found: names(&here),
                })
            }
            [only] => Ok(Arc::clone(only)),
            several => {
                let mut preferred = several
                    .iter()
                    .filter(|held| request.prefer.as_deref() == Some(&held.identity));
                match (preferred.next(), preferred.next()) {
                    (Some(held), None) => Ok(Arc::clone(held)),
                    _ => Err(Refusal::IdentityAmbiguous {
                        instance,
                        found: names(several),
                    }),
                }
            }
        }
    }

    /// Forgets the logins for which `why` has a reason. How many they were.
    async fn forget(self: &Arc<Self>, why: impl Fn(&Held) -> Option<&'static str>) -> usize {
        let mut over = Vec::new();
        lock(&self.logins).retain(|held| match why(held) {
            Some(why) => {
                over.push((Arc::clone(held), why));
                false
            }
            None => true,
        });
        let count = over.len();
        let ends: Vec<_> = over
            .into_iter()
            .map(|(held, why)| self.end(held, why))
            .collect();
        for end in ends {
            end.await;
        }
        count
    }

    fn drop_login(&self, held: &Arc<Held>) {
        lock(&self.logins).retain(|other| !Arc::ptr_eq(other, held));
    }

    /// Ends a login that is in the list no more. That goes on when nobody waits for it.
    fn end(self: &Arc<Self>, held: Arc<Held>, why: &str) -> impl Future<Output = ()> + use<> {
        self.journal.note(&Event::Ended {
            identity: &held.identity,
            instance: &held.instance,
            why,
        });
        let this = Arc::clone(self);
        let ending = tokio::spawn(async move {
            if let Some(secrets) = held.forget().await {
                // The secrets are gone from here either way; an issuer that cannot be asked forgets them in its own time.
                let _ = secrets.give_back(&this).await;
            }
        });
        async {
            // It ends with the process at the latest.
            let _ = ending.await;
        }
    }
}
