//! A certificate log holds the certificate (RFC 6962).

use signhere_pki::cert::Certificate;
use signhere_pki::sct::{Sct, SctList};
use signhere_pki::time::Time;

use super::{Step, Verifier, failed};
use crate::error::Reason;
use crate::trust::TransparencyLog;
use crate::verdict::{SctEvidence, StepName};

impl Verifier {
    /// One timestamp of a trusted log is enough; those of other logs prove nothing.
    pub(super) fn check_sct(&self, leaf: &Certificate, issuer: &Certificate) -> Step<SctEvidence> {
        if !self.requires_sct {
            return Ok(SctEvidence {
                required: false,
                log: None,
                log_id: None,
                time: None,
            });
        }
        let refused = |reason| failed(StepName::Sct, reason);
        let list = SctList::from_certificate(leaf).map_err(|error| refused(Reason::Sct(error)))?;
        let mut nearest = match list.as_slice() {
            [] => refused(Reason::SctMissing),
            [sct, ..] => refused(Reason::SctUnknownLog)
                .found(format!("the log with the id {}", hex::encode(sct.log_id))),
        };
        for (position, sct) in list.as_slice().iter().enumerate() {
            let Some(log) = self.ctlogs.iter().find(|log| log.log_id == sct.log_id) else {
                continue;
            };
            match self.check_one((position, sct), log, leaf, issuer) {
                Ok(evidence) => return Ok(evidence),
                Err(failure) => nearest = failure,
            }
        }
        Err(nearest)
    }

    fn check_one(
        &self,
        (position, sct): (usize, &Sct),
        log: &TransparencyLog,
        leaf: &Certificate,
        issuer: &Certificate,
    ) -> Step<SctEvidence> {
        let seconds = i64::try_from(sct.timestamp_ms / 1000).unwrap_or(i64::MAX);
        let time = Time::from_unix(seconds);
        if !log.validity.contains(time) {
            return Err(failed(StepName::Sct, Reason::SctWindow)
                .expected(log.validity)
                .found(time));
        }
        // The timestamp is the one at this position in the leaf; the id is the digest of the log's key.
        let parts: [&[u8]; 5] = [
            b"sct",
            &position.to_be_bytes(),
            &sct.log_id,
            issuer.spki_der(),
            leaf.der(),
        ];
        self.memo.once(&parts, || {
            sct.verify(leaf, issuer, &log.key)
                .map_err(|error| failed(StepName::Sct, Reason::Sct(error)))
        })?;
        Ok(SctEvidence {
            required: true,
            log: Some(log.base_url.clone()),
            log_id: Some(hex::encode(sct.log_id)),
            time: Some(time),
        })
    }
}
