//! From the libraries' facts to errors for people.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use signhere_pki::cosign_key::CosignKeyError;
use signhere_pki::key::KeyError;
use signhere_serve::config::ConfigProblem;
use signhere_serve::{ConfigError, ServeError, UnlockKind};
use signhere_sign::identity::TokenError;
use signhere_sign::identity::ambient::AmbientError;
use signhere_sign::identity::oidc::OidcError;
use signhere_sign::instance::InstanceError;
use signhere_sign::keys::KeyFileError;
use signhere_sign::service::{Problem, Service, ServiceError};
use signhere_sign::session::SignError;
use signhere_verify::bundle::BundleError;
use signhere_verify::formats::RegistryKeysError;
use signhere_verify::formats::checksums::ChecksumsError;
use signhere_verify::policy::{Nearest, NotAllowed, TrustFileError, Unlistable, WriteError};
use signhere_verify::toml::TomlProblem;
use signhere_verify::trust::TrustError;
use signhere_verify::verdict::{Failure, Reason, StepName};

use super::{CliError, Detail, Mark, shell_word};
use crate::exit::Exit;
use crate::policy::add_command;

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        Self::new(Exit::Failed, "SH-KEY", error.to_string())
    }
}

impl From<CosignKeyError> for CliError {
    fn from(error: CosignKeyError) -> Self {
        match error {
            CosignKeyError::WrongPassphrase => {
                Self::new(Exit::Failed, "SH-KEY-PASSPHRASE", "the passphrase is wrong")
                    .mend("set SIGNHERE_KEY_PASSWORD or COSIGN_PASSWORD to the right one")
            }
            error => Self::new(Exit::Failed, "SH-KEY", error.to_string()),
        }
    }
}

impl From<KeyFileError> for CliError {
    fn from(error: KeyFileError) -> Self {
        match error {
            KeyFileError::Encrypted(error) => error.into(),
            KeyFileError::Key(error) => error.into(),
            error => Self::new(Exit::Failed, "SH-KEY-PASSPHRASE", error.to_string()),
        }
    }
}

impl From<BundleError> for CliError {
    fn from(error: BundleError) -> Self {
        Self::new(
            Exit::NoMatchingSignature,
            error.code(),
            format!("the bundle cannot be read: {error}"),
        )
    }
}

impl From<&Failure> for CliError {
    fn from(failure: &Failure) -> Self {
        let reason = &failure.reason;
        let mut message = match reason {
            Reason::Bundle(error) => format!("the bundle cannot be read: {error}"),
            reason => reason.to_string(),
        };
        if let Some(item) = failure.item {
            let _ = write!(message, " ({} {item})", failure.step);
        }
        let mut error = Self::new(exit_of(failure), reason.code(), message);
        error.check = Some(failure.step);
        error.expected.clone_from(&failure.expected);
        error.found.clone_from(&failure.found);
        error.detail = failure.nearest.as_deref().map(mark);
        match reason {
            Reason::SignerUnlisted {
                proposal: Some(signer),
            } => error.mend(add_command(signer)),
            _ => error,
        }
    }
}

/// What differs between the signer and the listed one that it comes nearest to.
fn mark(nearest: &Nearest) -> Box<Detail> {
    let Nearest {
        part, signer, file, ..
    } = nearest;
    let alike = match nearest.is_lookalike {
        true => ", and looks like it",
        false => "",
    };
    Box::new(Detail::Mark(Mark {
        span: nearest.found_span,
        text: format!("the {part} is not that of {signer} in {file}{alike}"),
    }))
}

impl From<TrustFileError> for CliError {
    fn from(error: TrustFileError) -> Self {
        let mut this = Self::new(Exit::Trust, "SH-TRUST-FILE", error.to_string());
        this.expected = error.problem.expected();
        this.found = error.problem.found();
        let place = error.place.as_ref();
        this.detail = place.map(|place| Box::new(Detail::Excerpt(place.excerpt())));
        this.mend("correct the line; everything that it may say: docs/reference/trust.toml.md")
    }
}

impl From<WriteError> for CliError {
    fn from(error: WriteError) -> Self {
        let message = error.to_string();
        match error {
            WriteError::Named { .. } => Self::new(Exit::Usage, "SH-TRUST-NAMED", message)
                .mend("take the name out there first, or end its time: signhere trust revoke NAME"),
            WriteError::Form => {
                Self::new(Exit::Trust, "SH-TRUST-FILE", message).mend("signhere trust lint")
            }
            _ => Self::new(Exit::Usage, "SH-TRUST-NAME", message).mend("signhere trust show"),
        }
    }
}

impl From<Unlistable> for CliError {
    fn from(error: Unlistable) -> Self {
        let message = format!("the signature is good, and its signer is not proposed: {error}");
        Self::new(Exit::Unlisted, "SH-TRUST-UNLISTABLE", message)
    }
}

/// 12 says that the signature does not hold; what has a better name has a
/// code of its own.
fn exit_of(failure: &Failure) -> Exit {
    match (&failure.reason, failure.step) {
        (Reason::PolicyNeedsKey, _) => Exit::NoCertificate,
        (Reason::AuthorityUnusable(_), _) => Exit::Trust,
        (Reason::ArtifactBytesNeeded | Reason::ArtifactDigestMissing, _) => Exit::Failed,
        (Reason::SignerUnlisted { .. } | Reason::SignerUnchecked, _) => Exit::Unlisted,
        (
            Reason::SignerNotAllowed {
                why: NotAllowed::Time,
                ..
            },
            _,
        ) => Exit::Unproven,
        (Reason::SignerNotAllowed { .. }, _) => Exit::NotAllowed,
        (_, StepName::Identity | StepName::Policy) => Exit::OtherSigner,
        (_, StepName::Log | StepName::Time | StepName::Sct) => Exit::Unproven,
        _ => Exit::NoMatchingSignature,
    }
}

impl From<SignError> for CliError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Service(error) => error.into(),
            SignError::Trust(error) => error.into(),
            SignError::Key(error) => error.into(),
            SignError::LoginNeeded { expired_at } => Self::new(
                Exit::Login,
                "SH-TOKEN-EXPIRED",
                "the identity token has expired",
            )
            .found(format!("valid until {expired_at}"))
            .mend("log in again, or fetch a new token"),
            SignError::NotVerified(failure) => {
                let mut error = Self::from(&*failure);
                error.message = format!(
                    "the new signature does not verify, and is not written: {}",
                    error.message
                )
                .into();
                error
            }
            SignError::Statement(error) => {
                let message = format!("no in-toto statement: {error}");
                Self::new(Exit::Failed, "SH-STATEMENT", message)
            }
            SignError::ServiceUrl { .. } => {
                Self::new(Exit::Trust, "SH-TRUST-SERVICES", error.to_string())
            }
            error => Self::new(Exit::Failed, "SH-SIGN", error.to_string()),
        }
    }
}

impl From<InstanceError> for CliError {
    fn from(error: InstanceError) -> Self {
        match error {
            InstanceError::Trust(error) => error.into(),
            InstanceError::Service(error) => error.into(),
            error => Self::new(Exit::Trust, "SH-TRUST", error.to_string()),
        }
    }
}

impl From<TrustError> for CliError {
    fn from(error: TrustError) -> Self {
        let code = match error {
            TrustError::NoService { .. }
            | TrustError::NoUsableService { .. }
            | TrustError::TooFewServices { .. } => "SH-TRUST-SERVICES",
            _ => "SH-TRUST",
        };
        let message = format!("the trust material cannot be used: {error}");
        Self::new(Exit::Trust, code, message)
    }
}

impl From<RegistryKeysError> for CliError {
    fn from(error: RegistryKeysError) -> Self {
        let message = format!("the registry's keys cannot be used: {error}");
        Self::new(Exit::Trust, "SH-TRUST-KEYS", message)
    }
}

impl From<ChecksumsError> for CliError {
    fn from(error: ChecksumsError) -> Self {
        let message = error.to_string();
        let this = Self::new(Exit::NoMatchingSignature, "SH-CHECKSUMS", message);
        match error {
            ChecksumsError::Algorithm { found, .. } => {
                this.expected("SHA-256, SHA-384 or SHA-512").found(found)
            }
            ChecksumsError::Path { found, .. } => this
                .expected("a name in the list's folder, without `..`")
                .found(found),
            _ => this,
        }
    }
}

impl From<TokenError> for CliError {
    fn from(error: TokenError) -> Self {
        let message = format!("the identity token cannot be used: {error}");
        match error {
            TokenError::Expired { expired_at, now } => Self::new(
                Exit::Login,
                "SH-TOKEN-EXPIRED",
                "the identity token has expired",
            )
            .expected(format!("a token valid at {now}"))
            .found(format!("valid until {expired_at}"))
            .mend("log in again, or fetch a new token"),
            TokenError::Audience { expected, found } => Self::new(
                Exit::Login,
                "SH-TOKEN-AUDIENCE",
                "the identity token is for somebody else",
            )
            .expected(format!("audience {expected}"))
            .found(found.join(", ")),
            _ => Self::new(Exit::Login, "SH-TOKEN", message),
        }
    }
}

impl From<AmbientError> for CliError {
    fn from(error: AmbientError) -> Self {
        let message = format!("{}: {}", error.provider, error.problem);
        Self::new(Exit::Login, "SH-LOGIN-AMBIENT", message).mend(error.provider.remedy())
    }
}

impl From<OidcError> for CliError {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::Service(error) => error.into(),
            OidcError::Token(error) => error.into(),
            OidcError::Issuer { expected, found } => Self::new(
                Exit::Login,
                "SH-LOGIN-ISSUER",
                "another issuer answered than the one asked",
            )
            .expected(expected)
            .found(found),
            OidcError::TimedOut { .. } => {
                Self::new(Exit::Login, "SH-LOGIN-TIMEOUT", error.to_string())
                    .mend("run the command again, or use an identity token")
            }
            error => {
                let message = format!("the login failed: {error}");
                Self::new(Exit::Login, "SH-LOGIN", message)
            }
        }
    }
}

impl From<ServiceError> for CliError {
    fn from(error: ServiceError) -> Self {
        let transient = error.is_transient();
        let ServiceError {
            service,
            url,
            problem,
        } = error;
        let message = match &problem {
            Problem::Http(error) => format!("the {service} gives no answer: {error}"),
            problem => format!("the {service} {url}: {problem}"),
        };
        if transient {
            return Self::new(Exit::Retry, "SH-SERVICE-DOWN", message)
                .mend("try again; to start a private instance: signhere serve");
        }
        let (exit, code) = match (&problem, service) {
            (Problem::Lie { .. }, Service::Log | Service::Tsa) => {
                (Exit::Unproven, "SH-SERVICE-LIE")
            }
            (Problem::Lie { .. }, _) => (Exit::Trust, "SH-SERVICE-LIE"),
            (Problem::Status { status, .. }, _) if [401, 403].contains(status) => {
                (Exit::Login, "SH-SERVICE-REFUSED")
            }
            (Problem::Status { .. }, _) => (Exit::Failed, "SH-SERVICE-REFUSED"),
            _ => (Exit::Failed, "SH-SERVICE"),
        };
        Self::new(exit, code, message)
    }
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> Self {
        let message = error.to_string();
        let word = |path: &Path| shell_word(&path.display().to_string());
        match error {
            ServeError::InUse { path } => {
                let path = word(&path);
                Self::new(Exit::Retry, "SH-INSTANCE-IN-USE", message).mend(format!(
                    "stop the other one, or use it: signhere sign --instance {path} FILE"
                ))
            }
            ServeError::NoInstance { path } => {
                Self::new(Exit::Failed, "SH-INSTANCE-MISSING", message)
                    .mend(format!("signhere serve init {}", word(&path)))
            }
            ServeError::AlreadyMade { path } => {
                Self::new(Exit::Failed, "SH-INSTANCE-EXISTS", message)
                    .mend(format!("start it: signhere serve {}", word(&path)))
            }
            ServeError::NotAnInstance { .. } => {
                Self::new(Exit::Failed, "SH-INSTANCE-FOLDER", message).mend("name another folder")
            }
            ServeError::StateVersion {
                expected, found, ..
            } => Self::new(Exit::Failed, "SH-INSTANCE-VERSION", message)
                .expected(format!("version {expected}"))
                .found(format!("version {found}"))
                .mend("make a new instance: signhere serve init ANOTHER_FOLDER"),
            ServeError::Exposed { path, .. } => {
                let error = Self::new(Exit::Failed, "SH-INSTANCE-EXPOSED", message);
                // Whatever else is closed by this, somebody may need it open.
                match path.join("keys").exists() || !path.is_dir() || path.ends_with("keys") {
                    true => error.mend(format!("chmod -R go= {}", word(&path))),
                    false => error.mend("name a folder that is not there yet"),
                }
            }
            ServeError::Owner { path, owner, .. } => {
                Self::new(Exit::Failed, "SH-INSTANCE-OWNER", message).mend(format!(
                    "runuser -u \"$(id -nu {owner})\" -- signhere ...; if the folder is to be yours: chown -R \"$(id -u)\" {}",
                    word(&path)
                ))
            }
            ServeError::MarkMissing {
                size,
                mark,
                checkpoint,
                ..
            } => Self::new(Exit::Failed, "SH-INSTANCE-MARK-MISSING", message)
                .expected(format!("the mark of a log of at least {size} entries"))
                .mend(format!(
                    "put the mark back from the disk that had it; only if nothing was logged since this copy was made: cp {} {}",
                    word(&checkpoint),
                    word(&mark)
                )),
            ServeError::RolledBack {
                marked,
                size,
                folder,
                ..
            } => Self::new(Exit::Failed, "SH-INSTANCE-ROLLED-BACK", message)
                .expected(format!("{marked} entries"))
                .found(format!("{size} entries"))
                .mend(format!(
                    "bring tiles, lock and journal of {} from the newer copy; if there is none, keep it for reading and make a new instance: signhere serve init ANOTHER_FOLDER",
                    word(&folder)
                )),
            ServeError::ClockBehind { created, now } => {
                Self::new(Exit::Failed, "SH-INSTANCE-CLOCK", message)
                    .expected(format!("{created} or later"))
                    .found(now.to_string())
                    .mend("set the clock right: timedatectl status")
            }
            ServeError::ClockSetBack { given, now, mark } => {
                Self::new(Exit::Failed, "SH-INSTANCE-CLOCK", message)
                    .expected(format!("{given} or later"))
                    .found(now.to_string())
                    .mend(format!(
                        "set the clock right: timedatectl status; if it was wrong before and is right now, timestamps say a time to come: rm {}, then signhere serve rotate tsa",
                        word(&mark)
                    ))
            }
            ServeError::WrongSecret { unlock, .. } => locked(unlock, message),
            ServeError::SecretMissing { unlock, .. } => locked(unlock, message),
            ServeError::OtherUnlock { expected, .. } => locked(expected, message),
            ServeError::Config(error) => error.into(),
            ServeError::Tuf(error) => error.into(),
            ServeError::File { path, kind, .. } => {
                Self::new(Exit::Failed, "SH-FILE", message).mend(mend_of_file(&path, kind))
            }
            ServeError::MetricsListener { .. } => Self::new(Exit::Failed, "SH-LISTEN", message)
                .mend("name another address under [metrics] in instance.toml"),
            ServeError::NotLoopback { .. } => Self::new(Exit::Usage, "SH-LISTEN", message)
                .expected("an address of this machine, such as 127.0.0.1:3003"),
            _ => Self::new(Exit::Failed, "SH-INSTANCE", message),
        }
    }
}

fn locked(unlock: UnlockKind, message: String) -> CliError {
    let error = CliError::new(Exit::Failed, "SH-INSTANCE-LOCKED", message);
    error.mend(match unlock {
        UnlockKind::Passphrase => {
            "set SIGNHERE_PASSPHRASE to the passphrase that was given to `serve init`, or name its file with --passphrase-file"
        }
        UnlockKind::Credential => {
            "hand the credential `signhere` to the service: LoadCredentialEncrypted= in its systemd unit"
        }
        UnlockKind::File => "restore keys/unlock from a backup: without it the keys stay sealed",
    })
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let mut this = Self::new(Exit::Failed, "SH-INSTANCE-CONFIG", error.to_string());
        this.expected = error.problem.expected();
        this.found = error.problem.found();
        let place = error.place.as_ref();
        this.detail = place.map(|place| Box::new(Detail::Excerpt(place.excerpt())));
        match mend_of_config(&error.problem) {
            Some(mend) => this.mend(mend),
            None => this,
        }
    }
}

fn mend_of_file(path: &Path, kind: io::ErrorKind) -> String {
    let folder = shell_word(&path.parent().unwrap_or(path).display().to_string());
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("make room on the disk of {folder}: df -h {folder}")
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("mount -o remount,rw \"$(findmnt -no TARGET -T {folder})\"")
        }
        _ => "name a folder that you can write to".to_owned(),
    }
}

fn mend_of_config(problem: &ConfigProblem) -> Option<&'static str> {
    Some(match problem {
        ConfigProblem::Absent => "restore instance.toml from a backup",
        ConfigProblem::Toml(TomlProblem::Syntax { .. }) => "text stands in quotes: key = \"text\"",
        ConfigProblem::Toml(TomlProblem::UnknownKey { .. }) => {
            "correct the key or remove the line; all keys: docs/reference/instance.toml.md"
        }
        ConfigProblem::Toml(TomlProblem::WrongType { .. } | TomlProblem::Invalid { .. }) => {
            "correct the value"
        }
        ConfigProblem::Toml(TomlProblem::Missing { .. }) => {
            "add the key, or remove the whole section"
        }
        ConfigProblem::File { .. } => {
            "name the right file; paths begin in the folder of instance.toml"
        }
        ConfigProblem::DevelopmentInPublic { .. } => {
            "development = false, and real issuers in a file: file = \"fulcio-config.yaml\""
        }
        ConfigProblem::PlainInPublic { .. } => {
            "set certificate and key under [tls], or url when a proxy in front ends TLS (serve init --url https://...)"
        }
        ConfigProblem::UrlNeeded { .. } => "url = \"https://NAME\"",
        ConfigProblem::CaWithoutCt => "switch both on, or the CA off: enabled = false under [ca]",
        ConfigProblem::OwnAndExternal { .. } => "remove `enabled = true`, or `external`",
        _ => return None,
    })
}
