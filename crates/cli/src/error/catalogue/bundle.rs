//! The bundle itself, and what is asked of it.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-BUNDLE-JSON",
        exits: &[Exit::NoMatchingSignature],
        what: "The bundle is not JSON: truncated, a name given twice, trailing data, a byte order mark.",
        why: "Two readers of ambiguous JSON (RFC 8259, section 4) can see two different bundles. A verifier has to see the one that is used.",
        causes: &[
            "the download was cut off",
            "the file is an error page or another kind of file",
            "an editor added a byte order mark",
        ],
        mend: Mend::Do("fetch the bundle again, byte for byte"),
    },
    Entry {
        code: "SH-BUNDLE-LIMIT",
        exits: &[Exit::NoMatchingSignature],
        what: "The bundle is too large, too deep, or has too many of something.",
        why: "Whoever sends a bundle must not decide how much work and memory its verification takes: 16 MiB, 64 levels, 32 log entries, 32 timestamps, 64 hashes in a proof, 16 certificates.",
        causes: &[
            "the file is not a bundle",
            "somebody wants to keep the verifier busy",
        ],
        mend: Mend::Do("look at what the file is: signhere bundle inspect FILE"),
    },
    Entry {
        code: "SH-BUNDLE-FORM",
        exits: &[Exit::NoMatchingSignature],
        what: "A field of the bundle is missing, of the wrong type, or not a value it can have.",
        why: "The form is that of sigstore_bundle.proto in the JSON mapping of Protocol Buffers. What does not have it means nothing.",
        causes: &[
            "the file is of cosign's old form, from before bundles",
            "the bundle was put together by hand or by a program with a defect",
        ],
        mend: Mend::Do("if cosign 2 or older wrote it: signhere bundle upgrade FILE"),
    },
    Entry {
        code: "SH-BUNDLE-VERSION",
        exits: &[Exit::NoMatchingSignature],
        what: "The bundle's media type, or the version of the document that it is in, is not one that is known.",
        why: "The media type says which rules a bundle was made by (v0.1, v0.2, v0.3). Guessing them would be verifying by rules that nobody agreed on.",
        causes: &[
            "the bundle is newer than this program",
            "the file is of another kind",
        ],
        mend: Mend::Do("use a newer signhere, or a bundle of v0.1 to v0.3"),
    },
    Entry {
        code: "SH-BUNDLE-NO-KEY",
        exits: &[Exit::NoMatchingSignature],
        what: "The bundle has no certificate and no key hint, or an empty chain.",
        why: "Without either there is nobody whose signature it could be (sigstore_bundle.proto, VerificationMaterial).",
        causes: &["the bundle was put together without its certificate"],
        mend: Mend::Do(
            "put it together with its certificate: signhere bundle create --certificate FILE",
        ),
    },
    Entry {
        code: "SH-BUNDLE-ROOT",
        exits: &[Exit::NoMatchingSignature],
        what: "The bundle carries a root certificate, and in v0.1 one that is not the trusted root's own.",
        why: "Which roots are trusted is the verifier's choice, never the sender's (sigstore_bundle.proto forbids it).",
        causes: &["the signer put the whole chain in, root included"],
        mend: Mend::Do("ask the signer for a bundle without the root"),
    },
    Entry {
        code: "SH-BUNDLE-MATERIAL",
        exits: &[Exit::NoMatchingSignature],
        what: "The key material has a form that the bundle's version does not have.",
        why: "v0.3 holds one certificate, v0.1 and v0.2 a chain. A mixture is of no version, and verifiers would read it differently.",
        causes: &["the media type was changed by hand"],
        mend: Mend::Do("ask the signer for the bundle as it was made"),
    },
    Entry {
        code: "SH-BUNDLE-CERTIFICATE",
        exits: &[Exit::NoMatchingSignature],
        what: "A certificate in the bundle is malformed.",
        why: "Certificates are read as strict DER (RFC 5280, section 4; X.690): one certificate has one form.",
        causes: &[
            "the bundle was damaged",
            "the certificate was encoded twice",
        ],
        mend: Mend::Do("fetch the bundle again, byte for byte"),
    },
    Entry {
        code: "SH-BUNDLE-SIGNATURES",
        exits: &[Exit::NoMatchingSignature],
        what: "The envelope has not exactly one signature.",
        why: "A bundle is one signer's (Sigstore's client specification, section 4). With two signatures verifiers would differ in whose they look at.",
        causes: &["an envelope with several signers was put into a bundle"],
        mend: Mend::Do("make one bundle for each signature"),
    },
    Entry {
        code: "SH-BUNDLE-DIGEST",
        exits: &[Exit::NoMatchingSignature],
        what: "The digest that the bundle states is of an algorithm that is not supported.",
        why: "SHA-256, SHA-384 and SHA-512 (FIPS 180-4) are what Sigstore signs with.",
        causes: &["the signer used another hash"],
        mend: Mend::Do("have it signed again with SHA-256"),
    },
    Entry {
        code: "SH-BUNDLE-PROOF",
        exits: &[Exit::Failed],
        what: "A bundle of v0.3 cannot be made: the log's inclusion proof is missing.",
        why: "v0.2 and later rest on an inclusion proof under a signed checkpoint (RFC 6962, section 2.1.1); the signed promise that old bundles carry is not enough.",
        causes: &["cosign's old bundles and v0.1 bundles have a promise only"],
        mend: Mend::Do(
            "fetch the entry from its log, and give it with --log-entry; the error names the address",
        ),
    },
    Entry {
        code: "SH-BUNDLE-PART",
        exits: &[Exit::Failed],
        what: "A part that a bundle should be made of cannot be used.",
        why: "What is put into a bundle is read first, so that no bundle is written that nobody can verify.",
        causes: &[
            "another file was meant",
            "the parts belong to different signatures",
        ],
        mend: Mend::Do("name the right file; the error says which part it is"),
    },
    Entry {
        code: "SH-BUNDLE-NOT-ONE",
        exits: &[Exit::Failed],
        what: "The file holds no bundle, or several where one is needed.",
        why: "A file with a bundle in each line (.jsonl) says nothing about which of them is meant.",
        causes: &["the file is a list of attestations, as `gh attestation download` writes it"],
        mend: Mend::Do("take the file apart first: signhere bundle split FILE --dir DIR"),
    },
    Entry {
        code: "SH-POLICY-NEEDS-KEY",
        exits: &[Exit::NoCertificate],
        what: "The bundle is signed with a bare key, and an identity was asked for.",
        why: "A bare key has no identity. The key hint in the bundle is the sender's word and chooses nothing.",
        causes: &["the signer uses a key of their own instead of a login"],
        mend: Mend::Do("signhere verify --key PUBLIC_KEY FILE"),
    },
    Entry {
        code: "SH-POLICY-NEEDS-CERTIFICATE",
        exits: &[Exit::NoMatchingSignature],
        what: "The bundle is signed with a certificate, and a key was given.",
        why: "A key that the user names must not be replaced by another that the bundle brings along.",
        causes: &["the signer now signs with a login instead of the key"],
        mend: Mend::Do(
            "signhere verify --certificate-identity ID --certificate-oidc-issuer URL FILE",
        ),
    },
    Entry {
        code: "SH-NO-SIGNATURE",
        exits: &[Exit::NoSignature],
        what: "There is no bundle next to the file.",
        why: "An unsigned file and a file whose signature is bad are different news.",
        causes: &[
            "the bundle was not downloaded",
            "the bundle has another name",
        ],
        mend: Mend::Do(
            "name the bundle with --bundle; to sign the file yourself: signhere sign FILE",
        ),
    },
    Entry {
        code: "SH-UNSIGNED",
        exits: &[Exit::NoSignature],
        what: "Files of a folder have no signature.",
        why: "A folder is verified when everything in it is. Whoever adds a file to it must not have it pass unseen between the signed ones.",
        causes: &[
            "a file was added to the folder",
            "its bundle, or the signed list of checksums that names it, was not downloaded",
        ],
        mend: Mend::Do("sign or remove the files, or allow them with --allow-unsigned"),
    },
];
