//! An authority of each kind, made anew for each test.

use std::convert::Infallible;

use signhere_pki::{
    build::{CertificateAuthority, LeafRequest, Precertificate, Subject},
    cert::{Certificate, San},
    fulcio,
    key::{KeyKind, PrivateKey, PublicKey, Signer},
    random::SystemRandom,
    sct::{Sct, SctError},
    time::{Time, Validity},
    tsp::{DEFAULT_POLICY, TsaSigner},
};

pub(crate) const NOW: Time = Time::from_unix(1_795_358_220);
pub(crate) const SCT_EXTENSIONS: &[u8] = &[0, 0, 5, 0, 0, 0, 0, 7];

pub(crate) fn years(count: i64) -> Validity {
    Validity {
        start: NOW,
        end: Some(NOW.plus_seconds(count * 365 * 24 * 3600)),
    }
}

pub(crate) fn ten_minutes() -> Validity {
    Validity {
        start: NOW,
        end: Some(NOW.plus_seconds(600)),
    }
}

pub(crate) fn key(kind: KeyKind) -> Box<dyn Signer> {
    Box::new(PrivateKey::generate(kind).unwrap())
}

pub(crate) fn subject(common_name: &str) -> Subject<'_> {
    Subject {
        organization: "example.test",
        common_name,
    }
}

pub(crate) fn root(kind: KeyKind) -> CertificateAuthority {
    CertificateAuthority::create_root(subject("root"), key(kind), years(10), &SystemRandom).unwrap()
}

pub(crate) fn intermediate(root: &CertificateAuthority, kind: KeyKind) -> CertificateAuthority {
    root.create_intermediate(subject("intermediate"), key(kind), years(3), &SystemRandom)
        .unwrap()
}

pub(crate) fn request(public_key: &PublicKey) -> LeafRequest<'_> {
    LeafRequest {
        public_key,
        san: San::Email("ada@example.test".to_owned()),
        extensions: fulcio::identity_extensions("https://issuer.test", "ada").unwrap(),
        validity: ten_minutes(),
    }
}

pub(crate) fn promise(log: &dyn Signer, precertificate: &Precertificate) -> Result<Sct, SctError> {
    Sct::sign(
        log,
        precertificate.tbs(),
        precertificate.issuer_key_hash(),
        1_795_358_220_123,
        SCT_EXTENSIONS.to_vec(),
    )
}

pub(crate) fn leaf(ca: &CertificateAuthority, request: &LeafRequest<'_>) -> Certificate {
    let log = key(KeyKind::P256);
    ca.issue(request, &SystemRandom, |precertificate| {
        Ok::<_, Infallible>(promise(log.as_ref(), precertificate).unwrap())
    })
    .unwrap()
}

/// A time stamping authority and the root that issued it.
pub(crate) fn tsa(kind: KeyKind) -> (TsaSigner, Certificate) {
    let root = root(KeyKind::P384);
    let signer = key(kind);
    let certificate = root
        .issue_tsa(subject("tsa"), signer.public_key(), years(5), &SystemRandom)
        .unwrap();
    let tsa = TsaSigner {
        certificate,
        signer,
        policy: DEFAULT_POLICY,
    };
    (tsa, root.certificate().clone())
}
