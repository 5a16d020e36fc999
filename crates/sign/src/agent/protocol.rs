//! What is said over the socket: one JSON object a line, a request and its answer by turns.
//!
//! `docs/reference/agent.md` describes it for whoever writes another client.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::time::Time;
use zeroize::Zeroizing;

use super::harden::Hardening;

/// The version that is spoken.
pub const VERSION: u32 = 1;
/// The most a request may be long, in bytes, with its line feed: 64 KiB.
pub const REQUEST_LIMIT: usize = 64 << 10;
/// The most an answer may be long, in bytes, with its line feed: 1 MiB.
pub const ANSWER_LIMIT: usize = 1 << 20;
/// The most characters of a text that is quoted in a refusal.
const QUOTED: usize = 400;

/// A line with its version.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<T> {
    version: u32,
    #[serde(rename = "message")]
    content: T,
}

/// The part of a line that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// What the agent is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Request {
    /// A signature.
    Sign(SignRequest),
    /// What the agent holds.
    Status {},
    /// To keep a login.
    Login(LoginRequest),
    /// To forget logins.
    Logout(LogoutRequest),
    /// To forget everything and end.
    Stop {},
}

/// Which digest to sign, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignRequest {
    /// The instance to sign on, by a name that the agent knows; its default if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The only identity that will do, as its certificates name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The only issuer that will do, as certificates name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The identity to take if several are logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer: Option<String>,
    /// The SHA-256 of the artifact, of the statement or of git's signed attributes, in hexadecimal.
    pub sha256: String,
    /// An in-toto statement (its JSON), to be signed in a DSSE envelope instead of the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// What git asked for: the artifact is the signed attributes of a CMS message about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitContent>,
}

/// A commit, a tag or a push, as the signed attributes name it (RFC 5652, section 11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitContent {
    /// The SHA-256 of the content, in hexadecimal.
    pub sha256: String,
    /// When it is said to be signed.
    pub signed_at: Time,
}

impl SignRequest {
    /// A request to sign an artifact, as whoever is logged in.
    pub fn of_artifact(digest: &Digest) -> Self {
        Self {
            sha256: digest.hex(),
            ..Self::default()
        }
    }

    /// A request to sign a statement, as whoever is logged in.
    pub fn of_statement(json: &str) -> Self {
        Self {
            sha256: HashAlgorithm::Sha256.digest(json.as_bytes()).hex(),
            statement: Some(json.to_owned()),
            ..Self::default()
        }
    }
}

/// A login to keep.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    /// The instance to sign on; the agent's default if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The identity token.
    pub token: Zeroizing<String>,
    /// What gets the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Zeroizing<String>>,
}

/// Which logins to forget: those that fit everything that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogoutRequest {
    /// Of this instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Of this identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// What the agent answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Answer {
    /// The bundle of a signature, verified.
    Bundle(Box<RawValue>),
    /// What the agent holds.
    Status(Box<Status>),
    /// The login that is kept now.
    LoggedIn(Kept),
    /// How many logins were forgotten.
    LoggedOut {
        /// Their number.
        count: usize,
    },
    /// The agent ends.
    Stopping {},
    /// The request is not met.
    Refused(Refusal),
}

/// What the agent holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The agent's process.
    pub pid: u32,
    /// The program's version.
    pub program: String,
    /// Since when it runs.
    pub since: Time,
    /// How long a login that is not used lasts, in seconds.
    pub idle_seconds: u64,
    /// How long a login lasts at most, in seconds.
    pub lifetime_seconds: u64,
    /// What keeps its memory off the disk.
    pub hardening: Hardening,
    /// The logins.
    pub logins: Vec<Kept>,
}

/// A login that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The instance it signs on.
    pub instance: String,
    /// Who signs, as the certificates say.
    pub identity: String,
    /// Who vouches for them, as the certificates say.
    pub issuer: String,
    /// When the login was given to the agent.
    pub since: Time,
    /// When it ends if it is not used before.
    pub idle_until: Time,
    /// When it ends in any case.
    pub until: Time,
    /// Until when there are signatures, if it is used: its end, or where nothing gets the next identity token, when the
    /// token and the certificate in use end, whichever is later.
    pub signs_until: Time,
    /// Until when the certificate in use is good.
    pub certificate_until: Time,
    /// Whether a refresh token gets the next identity token; if not, signatures end before the login does.
    pub renews: bool,
    /// How many signatures were made.
    pub signatures: u64,
    /// How many certificates were used.
    pub certificates: u64,
}

/// Why a request is not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(
    tag = "code",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody is logged in there, any more or yet.
    #[error("nobody is logged in for {instance}{}", .because.as_deref().map(|why| format!(": {why}")).unwrap_or_default())]
    LoginNeeded {
        /// The instance.
        instance: String,
        /// Why a login that was there has ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// Others are logged in, but not the one who should sign.
    #[error("{wanted} is not logged in for {instance}, {} is", .found.join(", "))]
    IdentityNotHere {
        /// The instance.
        instance: String,
        /// The identity asked for.
        wanted: String,
        /// Who is logged in.
        found: Vec<String>,
    },
    /// Several are logged in, and the request fits more than one.
    #[error("several are logged in for {instance}: {}", .found.join(", "))]
    IdentityAmbiguous {
        /// The instance.
        instance: String,
        /// Who is logged in.
        found: Vec<String>,
    },
    /// Too much is asked at a time.
    #[error("the agent is busy")]
    Busy {
        /// When to ask again, in seconds.
        retry_after: u64,
    },
    /// It took too long.
    #[error("the agent did not finish within {seconds} seconds")]
    TimedOut {
        /// The time given.
        seconds: u64,
    },
    /// A service does not do its part.
    #[error("{message}")]
    Service {
        /// Whether trying again may help.
        transient: bool,
        /// What happened.
        message: String,
    },
    /// The signature was made, and does not verify.
    #[error("the new signature does not verify: {message}")]
    NotVerified {
        /// What failed.
        message: String,
    },
    /// The agent does not know the instance.
    #[error("{message}")]
    Instance {
        /// What happened.
        message: String,
    },
    /// The token that was handed over cannot be used.
    #[error("{message}")]
    Token {
        /// What is wrong with it.
        message: String,
    },
    /// There are as many logins as there may be.
    #[error("the agent keeps {limit} logins already")]
    TooManyLogins {
        /// How many there may be.
        limit: usize,
    },
    /// This socket is for signing only.
    #[error("this socket is for signing only")]
    SignOnly,
    /// This socket is for what git signs only.
    #[error("this socket is for commits, tags and statements about them only")]
    GitOnly,
    /// The request is too long.
    #[error("the request has more than {limit} bytes")]
    TooLong {
        /// The most it may have, in bytes.
        limit: usize,
    },
    /// The request did not come in time.
    #[error("the request took more than {seconds} seconds to come")]
    TooSlow {
        /// The time given.
        seconds: u64,
    },
    /// The request cannot be read.
    #[error("the request cannot be read: {message}")]
    Unreadable {
        /// What is wrong with it.
        message: String,
    },
    /// Another version of this protocol.
    #[error("the agent speaks version {expected}, not {found}")]
    Version {
        /// What the agent speaks.
        expected: u32,
        /// What it was asked in.
        found: u32,
    },
    /// Something that cannot happen did.
    #[error("internal error: {message}")]
    Internal {
        /// What it was.
        message: String,
    },
}

/// Why a line is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// Not JSON, or not what it must hold.
    #[error("{0}")]
    Malformed(String),
    /// Another version.
    #[error("version {found} instead of {VERSION}")]
    Version {
        /// The line's version.
        found: u32,
    },
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::Malformed(message) => Self::Unreadable { message },
            ProtocolError::Version { found } => Self::Version {
                expected: VERSION,
                found,
            },
        }
    }
}

/// The line of a message, with its line feed. It may hold secrets.
pub fn encode(content: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, ProtocolError> {
    // A buffer that grows would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(REQUEST_LIMIT));
    let version = VERSION;
    serde_json::to_writer(&mut *line, &Message { version, content })
        .map_err(|error| ProtocolError::Malformed(error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

/// The message in a line. What is wrong is said without quoting the line, for it may hold secrets.
pub fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, ProtocolError> {
    let malformed = |error: serde_json::Error| {
        let kind = match error.classify() {
            serde_json::error::Category::Eof => "it ends early",
            serde_json::error::Category::Data => "a member is missing, unknown or of another type",
            _ => "it is not JSON",
        };
        ProtocolError::Malformed(format!("{kind}, at column {}", error.column()))
    };
    match serde_json::from_slice::<Message<T>>(line) {
        Ok(message) if message.version == VERSION => Ok(message.content),
        Ok(message) => Err(ProtocolError::Version {
            found: message.version,
        }),
        Err(error) => match serde_json::from_slice::<Versioned>(line) {
            Ok(Versioned { version }) if version != VERSION => {
                Err(ProtocolError::Version { found: version })
            }
            _ => Err(malformed(error)),
        },
    }
}

/// The beginning of a text, without control characters.
pub(super) fn quoted(text: impl fmt::Display) -> String {
    crate::service::excerpt(text.to_string().as_bytes())
        .chars()
        .take(QUOTED)
        .collect()
}

impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRequest")
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}
