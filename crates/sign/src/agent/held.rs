//! One login that is kept: its tokens, its session, its end.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use signhere_pki::time::Time;
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use super::Event;
use super::keeper::{Keeper, Lifetimes};
use super::protocol::{Kept, Refusal, quoted};
use crate::identity::IdentityToken;
use crate::identity::oidc::{Login, LoginConfig, OidcError, RefreshToken};
use crate::session::{Enrolled, MARGIN, Session, SignError};

/// Seconds for which a token must be good to be shown to a certificate authority.
const TOKEN_MARGIN: i64 = 10;

/// A login that is kept.
pub(super) struct Held {
    pub(super) instance: String,
    pub(super) identity: String,
    pub(super) issuer: String,
    since: Time,
    began: Duration,
    used: Mutex<Duration>,
    signatures: AtomicU64,
    certificates: AtomicU64,
    certificate_until: Mutex<Time>,
    /// Until when the identity token of the login gets certificates, if nothing gets the next token.
    token_until: Option<Time>,
    /// None when the login has ended.
    secrets: Arc<AsyncMutex<Option<Secrets>>>,
}

/// What ends with the login.
pub(super) struct Secrets {
    pub(super) token: IdentityToken,
    pub(super) refresh: Option<RefreshToken>,
    pub(super) session: Arc<Session>,
    pub(super) enrolled: Enrolled,
}

impl Held {
    /// A login that begins now, with its first certificate.
    pub(super) fn begin(instance: String, secrets: Secrets, keeper: &Keeper) -> Self {
        let clock = &keeper.tools().clock;
        let now = clock.elapsed();
        let Enrolled {
            identity,
            issuer,
            expires_at,
        } = secrets.enrolled.clone();
        Self {
            instance,
            identity,
            issuer,
            since: clock.now(),
            began: now,
            used: Mutex::new(now),
            signatures: AtomicU64::new(0),
            certificates: AtomicU64::new(1),
            certificate_until: Mutex::new(expires_at),
            token_until: match secrets.refresh {
                Some(_) => None,
                None => Some(secrets.token.expires_at()),
            },
            secrets: Arc::new(AsyncMutex::new(Some(secrets))),
        }
    }

    /// A session whose certificate is good for a signature. It is renewed for all who wait for it, and to its end even
    /// if nobody waits any more: what the issuer gave in exchange for a spent token must not get lost.
    pub(super) async fn session(
        self: &Arc<Self>,
        keeper: &Arc<Keeper>,
    ) -> Result<Arc<Session>, Refusal> {
        let mut secrets = Arc::clone(&self.secrets).lock_owned().await;
        if let Some(secrets) = &*secrets
            && secrets.enrolled.is_good(keeper.tools().clock.now())
        {
            return Ok(Arc::clone(&secrets.session));
        }
        let (this, keeper) = (Arc::clone(self), Arc::clone(keeper));
        let renewal = tokio::spawn(async move {
            let Some(current) = secrets.as_mut() else {
                return Err(this.login_needed(None));
            };
            match this.renew(current, &keeper).await {
                Ok(session) => Ok(session),
                Err(refusal) => {
                    if matches!(refusal, Refusal::LoginNeeded { .. }) {
                        *secrets = None;
                    }
                    Err(refusal)
                }
            }
        });
        renewal.await.unwrap_or_else(|error| {
            Err(Refusal::Internal {
                message: quoted(error),
            })
        })
    }

    async fn renew(
        &self,
        secrets: &mut Secrets,
        keeper: &Arc<Keeper>,
    ) -> Result<Arc<Session>, Refusal> {
        let now = keeper.tools().clock.now();
        if !secrets.token.is_fresh(now.plus_seconds(TOKEN_MARGIN)) {
            self.refresh(secrets, keeper).await?;
        }
        let enrolling = keeper.enroll(&self.instance, secrets.token.clone());
        let (session, enrolled) = match enrolling.await {
            Ok(enrolled) => enrolled,
            Err(Refusal::LoginNeeded { because, .. }) => return Err(self.login_needed(because)),
            Err(other) => return Err(other),
        };
        if enrolled.identity != self.identity || enrolled.issuer != self.issuer {
            let why = format!("the certificate names {} now", quoted(&enrolled.identity));
            return Err(self.login_needed(Some(why)));
        }
        self.certificates.fetch_add(1, Ordering::SeqCst);
        *lock(&self.certificate_until) = enrolled.expires_at;
        secrets.session = Arc::clone(&session);
        secrets.enrolled = enrolled;
        keeper.journal().note(&Event::Certificate {
            identity: &self.identity,
            instance: &self.instance,
        });
        Ok(session)
    }

    /// A new identity token for the one that has expired.
    async fn refresh(&self, secrets: &mut Secrets, keeper: &Keeper) -> Result<(), Refusal> {
        let Some(refresh) = &secrets.refresh else {
            let why = format!("its token was good until {}", secrets.token.expires_at());
            return Err(self.login_needed(Some(why)));
        };
        let login = issuer_of(&secrets.token, keeper)?;
        let granted = login.refresh(refresh, &secrets.token).await;
        let granted = granted.map_err(|error| match error {
            OidcError::Service(error) => Refusal::Service {
                transient: error.is_transient(),
                message: quoted(error),
            },
            // Whatever else it says, it gives this login no more tokens.
            error => self.login_needed(Some(quoted(error))),
        })?;
        secrets.token = granted.token;
        secrets.refresh = granted.refresh;
        Ok(())
    }

    /// Has the next signature begin with another certificate, from the instance as it is then.
    pub(super) async fn distrust(&self, session: &Arc<Session>) {
        if let Some(secrets) = &mut *self.secrets.lock().await
            && Arc::ptr_eq(&secrets.session, session)
        {
            secrets.enrolled.expires_at = Time::from_unix(0);
        }
    }

    /// A signature was made.
    pub(super) fn count(&self, now: Duration) {
        self.signatures.fetch_add(1, Ordering::SeqCst);
        *lock(&self.used) = now;
    }

    /// Why the login is over, if it is.
    pub(super) fn end(&self, now: Duration, lifetimes: Lifetimes) -> Option<&'static str> {
        if now.saturating_sub(self.began) >= lifetimes.absolute {
            return Some("its time is over");
        }
        if now.saturating_sub(*lock(&self.used)) >= lifetimes.idle {
            return Some("it was not used");
        }
        None
    }

    /// Forgets the secrets. Whoever is signing with them ends that.
    pub(super) async fn forget(&self) -> Option<Secrets> {
        self.secrets.lock().await.take()
    }

    pub(super) fn describe(&self, keeper: &Keeper) -> Kept {
        let (clock, lifetimes) = (&keeper.tools().clock, keeper.lifetimes());
        let (now, elapsed) = (clock.now(), clock.elapsed());
        let left = |since: Duration, life: Duration| {
            let left = life.saturating_sub(elapsed.saturating_sub(since));
            now.plus_seconds(i64::try_from(left.as_secs()).unwrap_or(i64::MAX))
        };
        let until = left(self.began, lifetimes.absolute);
        let certificate_until = *lock(&self.certificate_until);
        let signs_until = match self.token_until {
            None => until,
            Some(token) => token
                .max(certificate_until.plus_seconds(-MARGIN))
                .min(until),
        };
        Kept {
            instance: self.instance.clone(),
            identity: self.identity.clone(),
            issuer: self.issuer.clone(),
            since: self.since,
            idle_until: left(*lock(&self.used), lifetimes.idle).min(until),
            until,
            signs_until,
            certificate_until,
            renews: self.token_until.is_none(),
            signatures: self.signatures.load(Ordering::SeqCst),
            certificates: self.certificates.load(Ordering::SeqCst),
        }
    }

    fn login_needed(&self, because: Option<String>) -> Refusal {
        Refusal::LoginNeeded {
            instance: self.instance.clone(),
            because,
        }
    }
}

impl Secrets {
    /// Gives the refresh token back to the issuer, if there is one and it takes it.
    pub(super) async fn give_back(self, keeper: &Keeper) -> Result<(), OidcError> {
        let Some(refresh) = &self.refresh else {
            return Ok(());
        };
        match issuer_of(&self.token, keeper) {
            Ok(login) => login.revoke(refresh).await.map(drop),
            // No issuer is asked for a token that names none.
            Err(_) => Ok(()),
        }
    }
}

/// The issuer that made a token.
fn issuer_of(token: &IdentityToken, keeper: &Keeper) -> Result<Login, Refusal> {
    let issuer = Url::parse(token.issuer()).map_err(|error| Refusal::Token {
        message: format!("the token's issuer is no web address: {error}"),
    })?;
    let tools = keeper.tools();
    Ok(Login::new(
        LoginConfig::new(issuer),
        Arc::clone(&tools.http),
        Arc::clone(&tools.clock),
        Arc::clone(&tools.random),
    ))
}

/// What a failed attempt to sign means for the caller.
pub(super) fn refusal_of(error: SignError, instance: &str) -> Refusal {
    match error {
        SignError::LoginNeeded { expired_at } => Refusal::LoginNeeded {
            instance: instance.to_owned(),
            because: Some(format!("its token was good until {expired_at}")),
        },
        SignError::Service(error) => Refusal::Service {
            transient: error.is_transient(),
            message: quoted(error),
        },
        SignError::NotVerified(failure) => Refusal::NotVerified {
            message: quoted(failure),
        },
        error => Refusal::Instance {
            message: quoted(error),
        },
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing that panics happens under these locks, and each value is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
