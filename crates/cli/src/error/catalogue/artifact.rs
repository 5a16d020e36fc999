//! What was signed, and the signature over it.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-ARTIFACT-DIGEST",
        exits: &[Exit::NoMatchingSignature],
        what: "The artifact is not the one that the bundle states.",
        why: "The bundle names the digest of what was signed (sigstore_bundle.proto, MessageSignature). This file has another one: it was changed, or it is another file.",
        causes: &[
            "the file and the bundle are of different versions",
            "the download is incomplete or was unpacked",
            "the file was tampered with",
        ],
        mend: Mend::Do("fetch file and bundle again, both of the same release"),
    },
    Entry {
        code: "SH-ARTIFACT-DIGEST-MISSING",
        exits: &[Exit::Failed],
        what: "The digest that was signed was not given.",
        why: "A SHA-256 digest says nothing about a signature over a SHA-512 digest.",
        causes: &["a digest of another algorithm was given instead of the file"],
        mend: Mend::Do("verify the file itself, not its digest"),
    },
    Entry {
        code: "SH-ARTIFACT-ALGORITHM",
        exits: &[Exit::NoMatchingSignature],
        what: "The bundle states a digest of another algorithm than was signed.",
        why: "The log entry and the key say which digest the signature is over. A bundle that says otherwise contradicts itself.",
        causes: &["the bundle was changed after signing"],
        mend: Mend::Do("ask the signer for the bundle as it was made"),
    },
    Entry {
        code: "SH-ARTIFACT-BYTES",
        exits: &[Exit::Failed],
        what: "The signature is over the artifact itself; a digest is not enough.",
        why: "Pure Ed25519 (RFC 8032, section 5.1) signs the message and not a digest of it.",
        causes: &["a digest or standard input was given instead of the file"],
        mend: Mend::Do("verify the file itself, not its digest"),
    },
    Entry {
        code: "SH-ARTIFACT-PAYLOAD-TYPE",
        exits: &[Exit::NoMatchingSignature],
        what: "The envelope's payload is not an in-toto statement by its type.",
        why: "What a payload means is said by its type, which is signed with it (DSSE, protocol). Only application/vnd.in-toto+json names artifacts.",
        causes: &["the envelope carries another kind of document"],
        mend: Mend::Do("look at what it claims: signhere bundle inspect BUNDLE"),
    },
    Entry {
        code: "SH-ARTIFACT-STATEMENT",
        exits: &[Exit::NoMatchingSignature],
        what: "The in-toto statement in the envelope is malformed.",
        why: "Its subjects are what ties the signature to an artifact (in-toto attestation framework, Statement). They are read strictly and bounded.",
        causes: &["the statement was written by a program with a defect"],
        mend: Mend::Do("have it signed again with a correct statement"),
    },
    Entry {
        code: "SH-ARTIFACT-SUBJECT",
        exits: &[Exit::NoMatchingSignature],
        what: "The artifact is not among the statement's subjects.",
        why: "An attestation is about the artifacts whose digests it lists (in-toto Statement, subject), by algorithm and value; names count for nothing.",
        causes: &[
            "the attestation is for another file of the same release",
            "the file was changed, unpacked or packed again",
        ],
        mend: Mend::Do("see which files it is about: signhere bundle inspect BUNDLE"),
    },
    Entry {
        code: "SH-ARTIFACT-SUBJECTS",
        exits: &[Exit::NoMatchingSignature],
        what: "The statement is about several files, and its form allows one.",
        why: "PyPI (PEP 740), conda (CEP 27) and npm attest one file in one statement, by its name and its digest.",
        causes: &["the statement was made by a program that knows the form badly"],
        mend: Mend::Do("ask whoever published the file for its attestation"),
    },
    Entry {
        code: "SH-ARTIFACT-NAME",
        exits: &[Exit::NoMatchingSignature],
        what: "The statement is about a file or a package of another name.",
        why: "In these forms the name is part of what is attested: a file that is served under another name or version is not the one that was published.",
        causes: &[
            "the file was renamed after it was downloaded",
            "the attestation is another version's, or another package's",
        ],
        mend: Mend::Do("give the file the name that it was published under"),
    },
    Entry {
        code: "SH-ARTIFACT-PREDICATE",
        exits: &[Exit::NoMatchingSignature],
        what: "The document calls the statement something else than it is.",
        why: "What stands around a signed statement is not signed. Where it contradicts the statement, one of the two was exchanged.",
        causes: &[
            "the document was put together by hand",
            "somebody wants one attestation to be taken for another",
        ],
        mend: Mend::Do("fetch the document from the registry again"),
    },
    Entry {
        code: "SH-SIGNATURE",
        exits: &[Exit::NoMatchingSignature],
        what: "The signature does not verify.",
        why: "Only the holder of the signing key can make a signature that its public key accepts (FIPS 186-5, RFC 8032). This one was not made by that key over this artifact.",
        causes: &[
            "the file is not the one that was signed",
            "the bundle was changed, or belongs to another file",
        ],
        mend: Mend::Do("fetch file and bundle again, both of the same release"),
    },
    Entry {
        code: "SH-SIGNATURE-KEY",
        exits: &[Exit::NoMatchingSignature],
        what: "The signer's key cannot be used.",
        why: "Keys of unknown kinds, off their curve or too small to be safe (FIPS 186-5; RSA under 2,048 bits) prove nothing.",
        causes: &["the signer uses a kind of key that Sigstore does not have"],
        mend: Mend::Do("have it signed again with a P-256 key"),
    },
    Entry {
        code: "SH-SIGNATURE-SCHEME",
        exits: &[Exit::NoMatchingSignature],
        what: "No way of signing fits the key and the log entry.",
        why: "The log entry says how the key signed (Sigstore's algorithm registry). A key of another kind cannot have made that signature.",
        causes: &["the log entry belongs to another signature"],
        mend: Mend::Do("ask the signer for the bundle as it was made"),
    },
];
