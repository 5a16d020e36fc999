//! When it was signed, and by whom.

use signhere_pki::cert::San;
use signhere_pki::chain::ChainError;
use signhere_pki::key::KeyKind;
use signhere_pki::sct::SctError;
use signhere_pki::tsp::TspError;
use signhere_testkit::forge::{
    self as made, Evidence, IDENTITY, ISSUER, Kind, SIGNED_AT, Stage, Under,
};
use signhere_verify::verdict::Reason;

use crate::forge::V2;

use crate::{check, rows};

/// When it was signed.
#[test]
fn time() {
    const TWO: Kind = Kind {
        evidence: Evidence {
            timestamps: 2,
            ..V2.evidence
        },
        ..V2
    };
    const BOTH: Kind = Kind {
        evidence: Evidence {
            timestamps: 1,
            ..Kind::PLAIN.evidence
        },
        ..Kind::PLAIN
    };
    use ChainError as E;
    check(rows![
        "no time",
        V2,
        |Stage::Stamped(stamps)| stamps.clear(),
        Time,
        Reason::TimeMissing,
        "a time without a promise",
        Kind::PLAIN,
        |Stage::Log(l)| l.promises = false,
        Time,
        Reason::TimeMissing,
        "the same timestamp twice",
        V2,
        |Stage::Stamped(stamps)| stamps.push(stamps[0].clone()),
        Time,
        Reason::TimestampDuplicate,
        "a timestamp over something else",
        V2,
        |Stage::Stamp(s)| s.message = b"else".to_vec(),
        Time,
        Reason::Timestamp(TspError::ImprintMismatch { .. }),
        "a timestamp over something else beside a promise",
        BOTH,
        |Stage::Stamp(s)| s.message = b"else".to_vec(),
        Time,
        Reason::Timestamp(TspError::ImprintMismatch { .. }),
        "a stranger's timestamp",
        V2,
        |Stage::Stamp(s)| s.by_stranger = true,
        Time,
        Reason::TimestampUntrusted,
        "a stranger's timestamp beside a promise",
        BOTH,
        |Stage::Stamp(s)| s.by_stranger = true,
        Time,
        Reason::TimestampUntrusted,
        "an impostor's timestamp",
        V2,
        |Stage::Stamp(s)| s.by_impostor = true,
        Time,
        Reason::TimestampUntrusted,
        "no timestamp",
        V2,
        |Stage::Stamped(stamps)| stamps[0] = b"nothing".to_vec(),
        Time,
        Reason::Timestamp(TspError::Malformed(_)),
        "a second, bad timestamp",
        TWO,
        |Stage::Stamped(stamps)| stamps[1] = b"nothing".to_vec(),
        Time,
        Reason::Timestamp(TspError::Malformed(_)),
        "certificate expired at the promise",
        Kind::PLAIN,
        |Stage::Log(l)| l.integrated_time += 541,
        Certificate,
        Reason::Chain(E::Expired { .. }),
        "certificate not yet valid at the promise",
        Kind::PLAIN,
        |Stage::Log(l)| l.integrated_time -= 61,
        Certificate,
        Reason::Chain(E::NotYetValid { .. }),
        "certificate expired at the timestamp",
        V2,
        |Stage::Stamp(s)| s.at = SIGNED_AT.plus_seconds(541),
        Certificate,
        Reason::Chain(E::Expired { .. }),
        "certificate not yet valid at the timestamp",
        V2,
        |Stage::Stamp(s)| s.at = SIGNED_AT.plus_seconds(-61),
        Certificate,
        Reason::Chain(E::NotYetValid { .. }),
        "certificate expired at the second of two times",
        BOTH,
        |Stage::Stamp(s)| s.at = SIGNED_AT.plus_seconds(541),
        Certificate,
        Reason::Chain(E::Expired { .. }),
    ]);
}

/// Who signed.
#[test]
fn certificate() {
    check(rows![
        "issued by an impostor",
        Kind::PLAIN,
        |Stage::Leaf(l)| l.under = Under::Impostor,
        Certificate,
        Reason::Chain(ChainError::SignatureInvalid { .. }),
        "issued by a stranger",
        Kind::PLAIN,
        |Stage::Leaf(l)| l.under = Under::Stranger,
        Certificate,
        Reason::CertificateUntrusted,
        "not logged",
        Kind::PLAIN,
        |Stage::Leaf(l)| l.sct.embedded = false,
        Sct,
        Reason::SctMissing,
        "logged by a stranger",
        V2,
        |Stage::Leaf(l)| l.sct.signer = made::fresh(KeyKind::P256),
        Sct,
        Reason::SctUnknownLog,
        "another certificate logged",
        V2,
        |Stage::Leaf(l)| l.sct.of_another = true,
        Sct,
        Reason::Sct(SctError::SignatureInvalid),
        "logged before the log's time",
        V2,
        |Stage::Leaf(l)| l.sct.at = SIGNED_AT.plus_seconds(-3601),
        Sct,
        Reason::SctWindow,
        "somebody else",
        Kind::PLAIN,
        |Stage::Leaf(l)| l.san = San::Email("eve@example.test".to_owned()),
        Identity,
        Reason::IdentityMismatch,
        "somebody whose name goes on",
        Kind::PLAIN,
        |Stage::Leaf(l)| l.san = San::Email(format!("{IDENTITY}.evil.test")),
        Identity,
        Reason::IdentityMismatch,
        "another case",
        Kind::PLAIN,
        |Stage::Leaf(l)| l.san = San::Email(IDENTITY.to_uppercase()),
        Identity,
        Reason::IdentityMismatch,
        "another issuer",
        Kind::PLAIN,
        |Stage::Leaf(l)| l.issuer = Some(format!("{ISSUER}/")),
        Identity,
        Reason::IssuerMismatch,
        "no issuer",
        Kind::PLAIN,
        // Nobody but the authority vouches, and somebody else was asked for.
        |Stage::Leaf(l)| l.issuer = None,
        Identity,
        Reason::IssuerMismatch,
    ]);
}
