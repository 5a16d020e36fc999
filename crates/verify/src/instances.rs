//! Which instance a bundle was signed on: what it names is looked for in trusted roots.
//!
//! This only routes. It believes nothing, reads trusted roots no further than it needs, and leaves to the
//! [`Verifier`](crate::verifier::Verifier) of the instance whether any of it is true.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use signhere_pki::cert::Certificate;

use crate::bundle::Bundle;

/// The shortest text that is looked at: anything that names something is longer.
const MIN_TEXT: usize = 16;
/// A shorter key id would be found by chance.
const MIN_KEY_ID: usize = 8;

/// What a bundle names of the instance that it was signed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The ids of its logs.
    pub log_ids: Vec<Vec<u8>>,
    /// Who issued its certificate.
    pub issuer: Option<Issuer>,
}

/// Who issued a certificate, as the certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The name, for people.
    pub name: String,
    /// What the authority's own certificate contains: the id of its key, or its name if the certificate gives no id.
    mark: Vec<u8>,
}

/// What a trusted root holds, as far as bundles are looked for in it. Read once, for any number of bundles.
#[derive(Clone, Debug, Default)]
pub struct Glance(Vec<Vec<u8>>);

/// How much of what a bundle names is in a trusted root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Nothing.
    Not,
    /// A part, or the bundle names nothing.
    Partly,
    /// All of it.
    Whole,
}

impl Origin {
    /// What a bundle names.
    pub fn of(bundle: &Bundle) -> Self {
        let entries = bundle.material.tlog_entries.iter();
        let mut log_ids: Vec<Vec<u8>> = entries
            .map(|entry| entry.log_id.clone())
            .filter(|id| !id.is_empty())
            .collect();
        log_ids.sort();
        log_ids.dedup();
        Self {
            log_ids,
            issuer: bundle.certificate().map(Issuer::of),
        }
    }

    /// Whether the bundle names nothing: a bare key's signature without a log.
    pub fn is_empty(&self) -> bool {
        self.log_ids.is_empty() && self.issuer.is_none()
    }

    /// How much of it is in a trusted root.
    pub fn fit(&self, trusted_root: &Glance) -> Fit {
        if self.is_empty() {
            return Fit::Partly;
        }
        let Glance(values) = trusted_root;
        let has_log = |id: &Vec<u8>| values.iter().any(|value| value == id);
        let has_issuer = |issuer: &Issuer| {
            let mut windows = values
                .iter()
                .flat_map(|value| value.windows(issuer.mark.len()));
            !issuer.mark.is_empty() && windows.any(|window| window == issuer.mark)
        };
        let logs = self.log_ids.iter().map(has_log);
        let mut found: Vec<bool> = logs.collect();
        found.extend(self.issuer.as_ref().map(has_issuer));
        match (found.contains(&true), found.contains(&false)) {
            (true, false) => Fit::Whole,
            (true, true) => Fit::Partly,
            (false, _) => Fit::Not,
        }
    }
}

impl Glance {
    /// The base64 texts in a trusted root, given as JSON, and what they stand for; all else is left out.
    pub fn of(json: &[u8]) -> Self {
        let texts = json.split(|byte| *byte == b'"');
        let values = texts
            .filter(|text| text.len() >= MIN_TEXT)
            .filter_map(|text| BASE64_STANDARD.decode(text).ok());
        Self(values.collect())
    }
}

impl Issuer {
    fn of(certificate: &Certificate) -> Self {
        let mark = certificate
            .authority_key_id()
            .filter(|id| id.len() >= MIN_KEY_ID);
        let mark = mark.unwrap_or_else(|| certificate.issuer_name_der());
        Self {
            name: certificate.issuer(),
            mark: mark.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::{GITHUB, PUBLIC_GOOD, STAGING, TrustedRoot};

    fn origin(log_ids: &[&[u8]], mark: Option<&[u8]>) -> Origin {
        Origin {
            log_ids: log_ids.iter().map(|id| id.to_vec()).collect(),
            issuer: mark.map(|mark| Issuer {
                name: String::new(),
                mark: mark.to_vec(),
            }),
        }
    }

    #[test]
    fn what_a_trusted_root_holds_fits_it_and_no_other() {
        let roots = [PUBLIC_GOOD, STAGING, GITHUB];
        for json in roots {
            let root = TrustedRoot::parse(json.as_bytes()).unwrap();
            let first = root.certificate_authorities.last().unwrap().chain.first();
            let authority = first.unwrap();
            let mark = authority.subject_key_id().unwrap();
            let logs: Vec<&[u8]> = root.tlogs.iter().map(|log| &log.log_id[..]).collect();
            let whole = origin(&logs, Some(mark));
            assert_eq!(whole.fit(&Glance::of(json.as_bytes())), Fit::Whole);
            for other in roots.iter().filter(|other| **other != json) {
                assert_eq!(whole.fit(&Glance::of(other.as_bytes())), Fit::Not);
            }
            let part = origin(&[b"another log's id"], Some(mark));
            assert_eq!(part.fit(&Glance::of(json.as_bytes())), Fit::Partly);
        }
    }

    #[test]
    fn a_bundle_that_names_nothing_fits_nowhere_better() {
        let nothing = origin(&[], None);
        assert!(nothing.is_empty());
        assert_eq!(
            nothing.fit(&Glance::of(PUBLIC_GOOD.as_bytes())),
            Fit::Partly
        );
        assert_eq!(origin(&[b""], None).fit(&Glance::of(b"")), Fit::Not);
        assert_eq!(
            origin(&[], Some(b"")).fit(&Glance::of(PUBLIC_GOOD.as_bytes())),
            Fit::Not
        );
        let id = origin(&[b"0123456789abcdef"], None);
        assert_eq!(id.fit(&Glance::of(b"\"\\\"\xff not JSON")), Fit::Not);
    }
}
