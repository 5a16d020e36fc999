//! When the signature was made: every supplied timestamp verifies, and at least one time is
//! proven wherever a validity depends on it.

use signhere_pki::chain::ChainError;
use signhere_pki::time::Time;
use signhere_pki::tsp::{TimestampToken, TspError};

use super::log::LoggedAt;
use super::{Step, Verifier, failed};
use crate::bundle::Bundle;
use crate::error::Reason;
use crate::verdict::{StepName, TimeEvidence, TimeSource};

impl Verifier {
    pub(super) fn check_time(
        &self,
        bundle: &Bundle,
        logged: &[LoggedAt],
        has_certificate: bool,
    ) -> Step<TimeEvidence> {
        let mut times: Vec<TimeSource> = logged
            .iter()
            .filter_map(|at| {
                Some(TimeSource {
                    time: at.promised_at?,
                    kind: "log",
                    authority: at.log.clone(),
                    serial: None,
                })
            })
            .collect();
        for (item, der) in bundle.material.timestamps.iter().enumerate() {
            let source = self
                .check_timestamp(der, bundle.signature())
                .map_err(|failure| failure.item(item))?;
            // By what it says: its bytes can be written in several ways, and so can its signature.
            if times.contains(&source) {
                return Err(failed(StepName::Time, Reason::TimestampDuplicate).item(item));
            }
            times.push(source);
        }
        for at in logged {
            check_window(at, &times, has_certificate)?;
        }
        if has_certificate && times.is_empty() {
            return Err(failed(StepName::Time, Reason::TimeMissing));
        }
        Ok(TimeEvidence { times })
    }

    fn check_timestamp(&self, der: &[u8], signature: &[u8]) -> Step<TimeSource> {
        let refused = |reason| failed(StepName::Time, reason);
        let token = TimestampToken::from_response(der)
            .map_err(|error| refused(Reason::Timestamp(error)))?;
        let time = token.gen_time();
        let mut nearest = Reason::TimestampUntrusted;
        for authority in &self.timestamp_authorities {
            let chain = match authority.chain() {
                Ok(chain) => chain,
                Err(error) => {
                    nearest = Reason::AuthorityUnusable(error.clone());
                    continue;
                }
            };
            match token.verify(signature, chain) {
                Ok(_) if !authority.validity.contains(time) => nearest = Reason::TimestampWindow,
                Ok(verified) => {
                    return Ok(TimeSource {
                        time: verified.time,
                        kind: "timestamp",
                        authority: authority.uri.clone(),
                        serial: Some(verified.serial),
                    });
                }
                Err(error) if is_of_another(&error) => {}
                Err(error) => nearest = Reason::Timestamp(error),
            }
        }
        Err(match nearest {
            Reason::TimestampUntrusted => {
                let known: Vec<_> = self
                    .timestamp_authorities
                    .iter()
                    .map(|authority| authority.uri.as_str())
                    .collect();
                refused(nearest).expected(format!("one of {}", known.join(", ")))
            }
            Reason::TimestampWindow => refused(nearest).found(time),
            nearest => refused(nearest),
        })
    }
}

/// Tells whether an error only means that the token is another authority's.
fn is_of_another(error: &TspError) -> bool {
    matches!(
        error,
        TspError::SignerNotFound
            | TspError::Chain(ChainError::NotListed { .. } | ChainError::IssuerMismatch { .. })
    )
}

/// A promise carries its own time, which was checked with it. Without one the other proven times
/// have to show that the log's key was in use, and a retired log needs at least one of them.
fn check_window(at: &LoggedAt, times: &[TimeSource], has_certificate: bool) -> Step<()> {
    if at.promised_at.is_some() {
        return Ok(());
    }
    if times.is_empty() && !has_certificate && at.validity.end.is_some() {
        return Err(
            failed(StepName::Time, Reason::TimeMissing).expected(format!(
                "a time in the validity of {}: {}",
                at.log, at.validity
            )),
        );
    }
    let outside = |time: &Time| !at.validity.contains(*time);
    match times.iter().map(|source| source.time).find(outside) {
        Some(time) => Err(failed(StepName::Time, Reason::LogWindow)
            .expected(at.validity)
            .found(time)),
        None => Ok(()),
    }
}
