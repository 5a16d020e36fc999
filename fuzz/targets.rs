//! Each parser under any bytes: it answers without a panic, and what it answers holds together.
//!
//! The same functions run under libFuzzer (`src/main.rs`) and as plain tests over the committed corpus
//! (`crates/verify/tests/fuzz.rs`), which is why they know neither of them.

#[path = "targets/certificates.rs"]
mod certificates;
#[path = "targets/documents.rs"]
mod documents;
#[path = "targets/logs.rs"]
mod logs;
#[path = "targets/policies.rs"]
mod policies;
#[path = "target.rs"]
mod target;

pub(crate) use target::Target;

/// Every target.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "bundle",
        run: documents::bundle,
        tokens: documents::BUNDLE_TOKENS,
    },
    Target {
        name: "verify",
        run: documents::verify,
        tokens: documents::BUNDLE_TOKENS,
    },
    Target {
        name: "entry",
        run: documents::entry,
        tokens: documents::ENTRY_TOKENS,
    },
    Target {
        name: "dsse",
        run: documents::dsse,
        tokens: documents::BUNDLE_TOKENS,
    },
    Target {
        name: "statement",
        run: documents::statement,
        tokens: documents::STATEMENT_TOKENS,
    },
    Target {
        name: "attestations",
        run: documents::attestations,
        tokens: documents::BUNDLE_TOKENS,
    },
    Target {
        name: "checksums",
        run: documents::checksums,
        tokens: documents::CHECKSUMS_TOKENS,
    },
    Target {
        name: "trusted-root",
        run: documents::trusted_root,
        tokens: documents::TRUST_TOKENS,
    },
    Target {
        name: "signing-config",
        run: documents::signing_config,
        tokens: documents::TRUST_TOKENS,
    },
    Target {
        name: "tuf",
        run: policies::tuf,
        tokens: policies::TUF_TOKENS,
    },
    Target {
        name: "trust-file",
        run: policies::trust_file,
        tokens: policies::TRUST_FILE_TOKENS,
    },
    Target {
        name: "identity",
        run: policies::identity,
        tokens: policies::IDENTITY_TOKENS,
    },
    Target {
        name: "jwt",
        run: policies::jwt,
        tokens: policies::JWT_TOKENS,
    },
    Target {
        name: "cosign-key",
        run: policies::cosign_key,
        tokens: policies::KEY_TOKENS,
    },
    Target {
        name: "key",
        run: certificates::key,
        tokens: certificates::DER_TOKENS,
    },
    Target {
        name: "certificate",
        run: certificates::certificate,
        tokens: certificates::DER_TOKENS,
    },
    Target {
        name: "sct",
        run: certificates::sct,
        tokens: certificates::DER_TOKENS,
    },
    Target {
        name: "cms",
        run: certificates::cms,
        tokens: certificates::DER_TOKENS,
    },
    Target {
        name: "timestamp",
        run: certificates::timestamp,
        tokens: certificates::DER_TOKENS,
    },
    Target {
        name: "timestamp-request",
        run: certificates::timestamp_request,
        tokens: certificates::DER_TOKENS,
    },
    Target {
        name: "note",
        run: logs::note,
        tokens: logs::NOTE_TOKENS,
    },
    Target {
        name: "checkpoint",
        run: logs::checkpoint,
        tokens: logs::NOTE_TOKENS,
    },
    Target {
        name: "witness",
        run: logs::witness,
        tokens: logs::NOTE_TOKENS,
    },
    Target {
        name: "log-policy",
        run: logs::policy,
        tokens: logs::NOTE_TOKENS,
    },
    Target {
        name: "tile",
        run: logs::tile,
        tokens: logs::TILE_TOKENS,
    },
    Target {
        name: "ct-leaf",
        run: logs::ct_leaf,
        tokens: logs::TILE_TOKENS,
    },
    Target {
        name: "record",
        run: logs::record,
        tokens: logs::TILE_TOKENS,
    },
    Target {
        name: "proof",
        run: logs::proof,
        tokens: logs::TILE_TOKENS,
    },
];
