//! What is said over the agent's socket.

use signhere_sign::agent::protocol::{Answer, Request, decode, encode};
use signhere_sign::agent::{Subject, SubjectKind};

pub(crate) const TOKENS: &[&str] = &[
    "{\"version\":1,\"message\":{",
    "\"sign\":{",
    "\"sha256\":\"",
    "\"statement\":\"{}\"",
    "\"git\":{\"sha256\":\"",
    "\"signedAt\":\"2026-11-23T08:00:00Z\"",
    "\"login\":{\"token\":\"",
    "\"refreshToken\":\"",
    "\"logout\":{",
    "\"status\":{}",
    "\"refused\":{\"code\":\"busy\",\"retryAfter\":1}",
    "\"bundle\":{}",
    "\"instance\":null",
];

/// A request that is read is written one way; what it wants signed is what it shows, and is told in one line.
pub(crate) fn request(input: &[u8]) {
    let Ok(request) = decode::<Request>(input) else {
        return;
    };
    let line = encode(&request).unwrap_or_else(|error| panic!("{error}"));
    let again = decode::<Request>(line.strip_suffix(b"\n").unwrap_or_default());
    let again = again.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        *line,
        *encode(&again).unwrap_or_else(|error| panic!("{error}"))
    );
    match &request {
        Request::Sign(request) => {
            let Ok(subject) = Subject::of(request) else {
                return;
            };
            assert_eq!(subject.digest.hex(), request.sha256.to_ascii_lowercase());
            let is_shown = request.git.is_some() || request.statement.is_some();
            assert_eq!(is_shown, subject.kind != SubjectKind::Artifact);
            assert!(is_shown || !subject.is_of_git());
            assert!(!subject.to_string().contains(char::is_control));
        }
        Request::Login(login) if login.token.len() > 16 => {
            assert!(!format!("{request:?}").contains(login.token.as_str()));
        }
        _ => {}
    }
}

/// An answer that is read is written one way.
pub(crate) fn answer(input: &[u8]) {
    let Ok(answer) = decode::<Answer>(input) else {
        return;
    };
    let line = encode(&answer).unwrap_or_else(|error| panic!("{error}"));
    let again = decode::<Answer>(line.strip_suffix(b"\n").unwrap_or_default());
    let again = again.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        *line,
        *encode(&again).unwrap_or_else(|error| panic!("{error}"))
    );
}
