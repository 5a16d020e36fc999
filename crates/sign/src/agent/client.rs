//! The agent's other end, for programs that come and go: it needs no runtime.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::fulcio as extensions;
use signhere_pki::key::KeyKind;
use signhere_pki::time::Clock;
use signhere_verify::bundle::{Bundle, BundleError, Content};
use signhere_verify::dsse::{INTOTO_PAYLOAD_TYPE, pae};
use zeroize::Zeroizing;

use super::caller::{Caller, Stranger};
use super::protocol::{
    ANSWER_LIMIT, Answer, Kept, LoginRequest, LogoutRequest, ProtocolError, Refusal, Request,
    SignRequest, Status, decode, encode,
};
use super::socket::{SocketError, io_error, is_own_socket, own_uid};

/// How long an answer may take: more than the agent gives itself.
const PATIENCE: Duration = Duration::from_secs(75);
/// How much is read at a time, in bytes.
const CHUNK: usize = 16 << 10;

/// A connection to an agent.
pub struct Client {
    stream: UnixStream,
    clock: Arc<dyn Clock>,
}

/// Why the agent did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// It says why.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something is wrong with its socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Another user's process listens.
    #[error("another user's process listens: {0}")]
    Stranger(Stranger),
    /// The connection broke.
    #[error("the agent went away: {0}")]
    Gone(io::ErrorKind),
    /// There was no answer in time.
    #[error("the agent gave no answer within {} seconds", .patience.as_secs())]
    Silent {
        /// How long it was waited for.
        patience: Duration,
    },
    /// The answer cannot be read.
    #[error("the agent's answer cannot be read: {0}")]
    Unreadable(ProtocolError),
    /// The answer is longer than any can be.
    #[error("the agent's answer has more than {limit} bytes")]
    TooLong {
        /// The most it may have, in bytes.
        limit: usize,
    },
    /// The answer is to another question.
    #[error("the agent answered something else")]
    OtherAnswer,
    /// The bundle cannot be read.
    #[error("the agent's bundle cannot be read: {0}")]
    Bundle(#[from] BundleError),
    /// The bundle is not what was asked for.
    #[error("the agent's bundle is not what was asked for: {0}")]
    OtherBundle(&'static str),
}

impl Client {
    /// A connection to the agent of this user at `path`, if one listens there.
    ///
    /// # Errors
    /// When something else is there than a socket of this user, or another user's process listens.
    pub fn connect(path: &Path, clock: Arc<dyn Clock>) -> Result<Option<Self>, AgentError> {
        if !is_own_socket(path, own_uid())? {
            return Ok(None);
        }
        let stream = match UnixStream::connect(path) {
            Ok(stream) => stream,
            Err(error) if nobody_listens(&error) => return Ok(None),
            Err(error) => return Err(io_error("connect to", path, &error).into()),
        };
        if let Some(found) = listener(&stream) {
            Caller::check(found, own_uid()).map_err(AgentError::Stranger)?;
        }
        let patience = Some(PATIENCE);
        stream.set_write_timeout(patience).map_err(gone)?;
        Ok(Some(Self { stream, clock }))
    }

    /// The bundle of a signature over a digest. It is over this digest, by the key in its certificate, and the
    /// certificate names whom the request names; that the certificate is of the instance was seen to by the agent.
    pub fn sign(&mut self, request: &SignRequest) -> Result<Bundle, AgentError> {
        let bundle = match self.ask(&Request::Sign(request.clone()))? {
            Answer::Bundle(json) => read_bundle(&json, request)?,
            answer => return Err(unexpected(answer)),
        };
        Ok(bundle)
    }

    /// Hands a login over.
    pub fn login(&mut self, request: LoginRequest) -> Result<Kept, AgentError> {
        match self.ask(&Request::Login(request))? {
            Answer::LoggedIn(kept) => Ok(kept),
            answer => Err(unexpected(answer)),
        }
    }

    /// Has logins forgotten; their number.
    pub fn logout(&mut self, request: LogoutRequest) -> Result<usize, AgentError> {
        match self.ask(&Request::Logout(request))? {
            Answer::LoggedOut { count } => Ok(count),
            answer => Err(unexpected(answer)),
        }
    }

    /// What the agent holds.
    pub fn status(&mut self) -> Result<Status, AgentError> {
        match self.ask(&Request::Status {})? {
            Answer::Status(status) => Ok(*status),
            answer => Err(unexpected(answer)),
        }
    }

    /// Has the agent forget everything and end.
    pub fn stop(&mut self) -> Result<(), AgentError> {
        match self.ask(&Request::Stop {})? {
            Answer::Stopping {} => Ok(()),
            answer => Err(unexpected(answer)),
        }
    }

    fn ask(&mut self, request: &Request) -> Result<Answer, AgentError> {
        let line = encode(request).map_err(AgentError::Unreadable)?;
        // An agent that refuses to hear more may have said why.
        let sent = self.stream.write_all(&line);
        match self.read_line() {
            Ok(line) => decode(&line).map_err(AgentError::Unreadable),
            Err(error) => Err(sent.err().map_or(error, gone)),
        }
    }

    fn read_line(&mut self) -> Result<Zeroizing<Vec<u8>>, AgentError> {
        let patience = PATIENCE;
        let deadline = self.clock.elapsed().saturating_add(patience);
        let mut line = Zeroizing::new(Vec::new());
        let mut chunk = [0; CHUNK];
        loop {
            let left = deadline.saturating_sub(self.clock.elapsed());
            if left.is_zero() {
                return Err(AgentError::Silent { patience });
            }
            self.stream.set_read_timeout(Some(left)).map_err(gone)?;
            let count = match self.stream.read(&mut chunk) {
                Ok(0) => return Err(AgentError::Gone(io::ErrorKind::UnexpectedEof)),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(gone(error)),
            };
            let new = chunk.get(..count).unwrap_or_default();
            let end = new.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(new.get(..end.unwrap_or(count)).unwrap_or_default());
            if line.len() > ANSWER_LIMIT {
                return Err(AgentError::TooLong {
                    limit: ANSWER_LIMIT,
                });
            }
            if end.is_some() {
                return Ok(line);
            }
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

fn read_bundle(json: &RawValue, request: &SignRequest) -> Result<Bundle, AgentError> {
    let bundle = Bundle::parse(json.get().as_bytes())?;
    let other = AgentError::OtherBundle;
    let certificate = bundle.certificate();
    let certificate = certificate.ok_or_else(|| other("it has no certificate"))?;
    let digest = Digest::from_hex(HashAlgorithm::Sha256, &request.sha256);
    let key = certificate.public_key();
    let (Ok(digest), Ok(key)) = (digest, key) else {
        return Err(other("there is no key or no digest"));
    };
    // The algorithm is the agent's choice, and it has one.
    let scheme = KeyKind::P256.default_scheme();
    let is_signed = match (&bundle.content, &request.statement) {
        (Content::MessageSignature { signature, .. }, None) => {
            key.verify_digest(scheme, &digest, signature)
        }
        (Content::Dsse(envelope), Some(json)) => {
            if envelope.payload != json.as_bytes() || envelope.payload_type != INTOTO_PAYLOAD_TYPE {
                return Err(other("it is about another statement"));
            }
            let signed = pae(INTOTO_PAYLOAD_TYPE, json.as_bytes());
            key.verify(scheme, &signed, bundle.signature())
        }
        _ => return Err(other("it is of another kind")),
    };
    if key.kind() != KeyKind::P256 || is_signed.is_err() {
        return Err(other("it is not over this digest"));
    }
    let fits = |wanted: &Option<String>, found: Option<&str>| {
        wanted.is_none() || wanted.as_deref() == found
    };
    let san = certificate.san();
    let san = san.as_ref().map(|san| san.as_str());
    if !fits(&request.identity, san) {
        return Err(other("somebody else signed"));
    }
    if !fits(&request.issuer, extensions::issuer(certificate).as_deref()) {
        return Err(other("another issuer vouches for the signer"));
    }
    Ok(bundle)
}

fn unexpected(answer: Answer) -> AgentError {
    match answer {
        Answer::Refused(refusal) => refusal.into(),
        _ => AgentError::OtherAnswer,
    }
}

/// What was left by an agent that ended is as good as nothing.
fn nobody_listens(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    matches!(error.kind(), ConnectionRefused | NotFound)
}

fn gone(error: io::Error) -> AgentError {
    AgentError::Gone(error.kind())
}

/// The user whose process listens.
#[cfg(target_os = "linux")]
fn listener(stream: &UnixStream) -> Option<u32> {
    let credentials = rustix::net::sockopt::socket_peercred(stream).ok()?;
    Some(credentials.uid.as_raw())
}

/// The user whose process listens: not known, and then the socket's owner has to do.
#[cfg(not(target_os = "linux"))]
fn listener(_: &UnixStream) -> Option<u32> {
    None
}
