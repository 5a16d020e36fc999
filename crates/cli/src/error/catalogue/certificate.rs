//! The signer's certificate, its log, and whom it names.

use super::{Entry, Mend};
use crate::exit::Exit;

const OTHER_INSTANCE: Mend =
    Mend::Do("if it was signed on another instance: --instance, --trust-config or --trusted-root");

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-CERT-UNTRUSTED",
        exits: &[Exit::NoMatchingSignature],
        what: "The certificate is by no authority of the trusted root.",
        why: "Anybody can issue a certificate for any name. The trusted root says whose certificates count.",
        causes: &[
            "it was signed on another instance: staging, GitHub's, a private one",
            "the trusted root is older than the authority",
        ],
        mend: OTHER_INSTANCE,
    },
    Entry {
        code: "SH-CERT-EXPIRED",
        exits: &[Exit::NoMatchingSignature],
        what: "A certificate of the chain had expired at a proven time.",
        why: "Every proven time has to be in the validity of every certificate of the chain (RFC 5280, section 6.1.3). After it the key may be in other hands.",
        causes: &[
            "the login was too long before the signature",
            "somebody has used a key whose certificate was over",
        ],
        mend: Mend::Do("have it signed again"),
    },
    Entry {
        code: "SH-CERT-NOT-YET-VALID",
        exits: &[Exit::NoMatchingSignature],
        what: "A certificate of the chain was not yet valid at a proven time.",
        why: "Every proven time has to be in the validity of every certificate of the chain (RFC 5280, section 6.1.3).",
        causes: &["the clock of the authority or of the log was wrong"],
        mend: Mend::Do("have it signed again"),
    },
    Entry {
        code: "SH-CERT-CHAIN",
        exits: &[Exit::NoMatchingSignature],
        what: "The certificate's chain does not hold for another reason.",
        why: "Signatures, CA flags, path lengths, name constraints and the purpose of code signing are checked along the chain (RFC 5280, section 6.1).",
        causes: &[
            "the certificate was issued for another purpose",
            "the certificate was changed",
        ],
        mend: OTHER_INSTANCE,
    },
    Entry {
        code: "SH-CERT-WINDOW",
        exits: &[Exit::NoMatchingSignature],
        what: "The certificate authority was not valid at a proven time.",
        why: "The trusted root says from when to when an authority's certificates count (validFor).",
        causes: &[
            "the authority was retired before",
            "the trusted root is outdated",
        ],
        mend: Mend::Do("use a newer trusted root: signhere trust update"),
    },
    Entry {
        code: "SH-SCT-MISSING",
        exits: &[Exit::Unproven],
        what: "The certificate has no signed certificate timestamp.",
        why: "A certificate that is in no log could have been issued without anybody seeing it (RFC 6962, section 3.3).",
        causes: &["the authority does not log its certificates"],
        mend: OTHER_INSTANCE,
    },
    Entry {
        code: "SH-SCT-UNKNOWN",
        exits: &[Exit::Unproven],
        what: "No certificate log of the trusted root vouches for the certificate.",
        why: "Only logs that the trusted root names are watched by others.",
        causes: &[
            "it was signed on another instance",
            "the trusted root is older than the log",
        ],
        mend: OTHER_INSTANCE,
    },
    Entry {
        code: "SH-SCT",
        exits: &[Exit::Unproven],
        what: "The signed certificate timestamp does not verify.",
        why: "It is the log's signature over this certificate without the timestamp itself, and over the issuer's key (RFC 6962, section 3.2).",
        causes: &[
            "the certificate was changed",
            "the timestamp is of another certificate",
        ],
        mend: Mend::Do("have it signed again"),
    },
    Entry {
        code: "SH-SCT-WINDOW",
        exits: &[Exit::Unproven],
        what: "The certificate log was not valid at its timestamp.",
        why: "A log that is retired takes no new certificates: its key may be in other hands.",
        causes: &["the trusted root is outdated"],
        mend: Mend::Do("use a newer trusted root: signhere trust update"),
    },
    Entry {
        code: "SH-IDENTITY-MISSING",
        exits: &[Exit::OtherSigner],
        what: "The certificate has not exactly one subject alternative name.",
        why: "The name is who signed (RFC 5280, section 4.2.1.6). With none there is nobody, with two verifiers would differ in who it was.",
        causes: &["the certificate is not one for signing code"],
        mend: Mend::Do("see what the certificate says: signhere bundle inspect BUNDLE"),
    },
    Entry {
        code: "SH-IDENTITY",
        exits: &[Exit::OtherSigner],
        what: "Signed by somebody else.",
        why: "The signature holds, but another identity made it. Identities are compared exactly: a look-alike, a prefix or another branch is somebody else.",
        causes: &[
            "the signer signed from another branch, tag, workflow or account",
            "the expected identity has a typing error",
            "somebody else signed",
        ],
        mend: Mend::Do(
            "compare what was expected with what was found; if the signer is right: signhere trust add",
        ),
    },
    Entry {
        code: "SH-KEY-WINDOW",
        exits: &[Exit::NoMatchingSignature],
        what: "The key was not valid at the proven time.",
        why: "A registry replaces its keys. A signature by one that was not in use, or of a time that nothing proves, may be somebody else's who has the old key.",
        causes: &[
            "the registry's keys at hand are older than the signature",
            "the signature was made with a key that was replaced",
        ],
        mend: Mend::Do("name the registry's keys of today with --registry-keys"),
    },
    Entry {
        code: "SH-IDENTITY-ISSUER-MISSING",
        exits: &[Exit::OtherSigner],
        what: "The certificate's identity issuer cannot be read.",
        why: "The issuer (extension 1.3.6.1.4.1.57264.1.8, before it .1.1) says whose login it was. A name means something at its issuer only.",
        causes: &["the certificate is not one of Fulcio's kind"],
        mend: Mend::Do("see what the certificate says: signhere bundle inspect BUNDLE"),
    },
    Entry {
        code: "SH-IDENTITY-ISSUER",
        exits: &[Exit::OtherSigner],
        what: "Another issuer vouched for the identity.",
        why: "Any issuer can call somebody you@example.com. Only the one that you expect knows who you is. A certificate that names no issuer is vouched for by the authority itself, by its name in the trusted root.",
        causes: &[
            "the signer logged in with another provider",
            "the expected issuer has a typing error, or a slash at its end",
        ],
        mend: Mend::Do(
            "compare what was expected with what was found; if the signer is right: signhere trust add",
        ),
    },
    Entry {
        code: "SH-SIGNER-UNLISTED",
        exits: &[Exit::Unlisted],
        what: "Everything holds, and no trust file lists the signer.",
        why: "A good signature says who signed. Whether that is somebody you trust, only you can say, once, in a trust file.",
        causes: &[
            "you have not said yet whom you trust",
            "the signer signed from another repository, workflow, branch or account",
        ],
        mend: Mend::Do("signhere trust add"),
    },
    Entry {
        code: "SH-SIGNER-UNCHECKED",
        exits: &[Exit::Unlisted],
        what: "Everything holds, and whether the signer may sign was not asked.",
        why: "A proof without a question about the signer is no verification.",
        causes: &["the bundle was only looked at"],
        mend: Mend::Do("signhere verify FILE"),
    },
    Entry {
        code: "SH-SIGNER-FILE",
        exits: &[Exit::NotAllowed],
        what: "The signer is listed, but not for this file.",
        why: "A trust file says who may sign what: somebody who may sign one thing may not sign another.",
        causes: &["the file has another name than the trust file lists"],
        mend: Mend::Do("signhere trust show"),
    },
    Entry {
        code: "SH-SIGNER-ATTESTATION",
        exits: &[Exit::NotAllowed],
        what: "The signer is listed, but not for statements of this type.",
        why: "Who may attest a build need not be who may attest a review.",
        causes: &["the attestation is of another predicate type"],
        mend: Mend::Do("signhere trust show"),
    },
    Entry {
        code: "SH-SIGNER-INSTANCE",
        exits: &[Exit::NotAllowed],
        what: "The signer is listed, but not as certified by this instance.",
        why: "The same name on another instance is another signer.",
        causes: &["it was signed on another instance than before"],
        mend: Mend::Do("signhere trust show"),
    },
    Entry {
        code: "SH-SIGNER-WINDOW",
        exits: &[Exit::NotAllowed],
        what: "The signer is listed, but not for this time.",
        why: "Signers come and go: a signature counts in the window that the trust file gives them.",
        causes: &["it was signed before or after the window"],
        mend: Mend::Do("signhere trust show"),
    },
    Entry {
        code: "SH-SIGNER-REVOKED",
        exits: &[Exit::NotAllowed],
        what: "The signer was revoked by the time of the signature.",
        why: "From the date of a revocation on, the key or account may be in other hands.",
        causes: &["the key or account was given up or stolen"],
        mend: Mend::Do("have it signed again by somebody who may"),
    },
    Entry {
        code: "SH-SIGNER-TIME",
        exits: &[Exit::Unproven],
        what: "The signer is listed for a limited time, and nothing proves when this was signed.",
        why: "Without a proven time a signature could be from after the window.",
        causes: &["it was signed with a bare key, without log or timestamp"],
        mend: Mend::Do("have it signed again with a timestamp"),
    },
];
