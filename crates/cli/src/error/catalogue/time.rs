//! When the signature was made.

use super::{Entry, Mend};
use crate::exit::Exit;

const UNPROVEN: &[Exit] = &[Exit::Unproven];

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-TIME-MISSING",
        exits: UNPROVEN,
        what: "Nothing proves when the signature was made.",
        why: "The certificate is valid for minutes. Only a time under somebody else's signature shows that it was used in them (Sigstore's client specification, section 4.3).",
        causes: &["it was logged in a log that gives no time, and no timestamp was asked for"],
        mend: Mend::Do("have it signed again with a timestamp authority"),
    },
    Entry {
        code: "SH-TIME-DUPLICATE",
        exits: UNPROVEN,
        what: "The same timestamp is given twice.",
        why: "A timestamp counts once: a copy is no second witness.",
        causes: &["the bundle was put together wrongly"],
        mend: Mend::Do("ask the signer for the bundle as it was made"),
    },
    Entry {
        code: "SH-TIME-UNTRUSTED",
        exits: UNPROVEN,
        what: "The timestamp is by no authority of the trusted root.",
        why: "Anybody can sign a time. Certificates that the timestamp brings along are the sender's word.",
        causes: &[
            "it was signed on another instance",
            "the trusted root is outdated",
        ],
        mend: Mend::Do(
            "if it was signed on another instance: --instance, --trust-config or --trusted-root",
        ),
    },
    Entry {
        code: "SH-TIME-WINDOW",
        exits: UNPROVEN,
        what: "The timestamp authority was not valid at the time that it states.",
        why: "Outside of its window in the trusted root the authority's key may be in other hands.",
        causes: &[
            "the trusted root is outdated",
            "an authority's key was used after it was retired",
        ],
        mend: Mend::Do("use a newer trusted root: signhere trust update"),
    },
    Entry {
        code: "SH-TIME-IMPRINT",
        exits: UNPROVEN,
        what: "The timestamp is over another signature.",
        why: "The imprint is a digest of what was stamped (RFC 3161, section 2.4.2). It has to be this signature, or the time is another's.",
        causes: &["the timestamp of another bundle was put in"],
        mend: Mend::Do("ask the signer for the bundle as it was made"),
    },
    Entry {
        code: "SH-TIME-CHAIN",
        exits: UNPROVEN,
        what: "The timestamp authority's certificate chain does not hold at the stated time.",
        why: "The signing certificate has to be valid then, for time stamping alone (RFC 3161, section 2.3; RFC 5280, section 6.1).",
        causes: &["the authority's certificate had expired"],
        mend: Mend::Do("use a newer trusted root: signhere trust update"),
    },
    Entry {
        code: "SH-TIME-TIMESTAMP",
        exits: UNPROVEN,
        what: "The timestamp does not verify for another reason.",
        why: "A timestamp is a CMS signature over what it states (RFC 3161, RFC 5652). Every supplied one has to hold: a bad one beside a good one is a bundle that was tampered with.",
        causes: &["the timestamp was damaged", "its form is not RFC 3161's"],
        mend: Mend::Do("ask the signer for the bundle as it was made"),
    },
];
