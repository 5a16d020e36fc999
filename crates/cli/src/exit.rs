//! Exit codes: what a script may rely on.
//!
//! 10 to 13 mean what they mean in cosign; the others are signhere's own and
//! are listed in `docs/guide/sign-and-verify.md`.

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Failed for a reason that has no code of its own.
    Failed,
    /// The command line is wrong.
    Usage,
    /// There is no signature at all.
    NoSignature,
    /// What was to be verified does not exist.
    NoArtifact,
    /// There is a signature, but it does not match.
    NoMatchingSignature,
    /// A certificate was asked for, and the signature has none.
    NoCertificate,
    /// Signed, but by someone else.
    OtherSigner,
    /// Signed by somebody whom no trust file lists.
    Unlisted,
    /// Signed by somebody who is listed, but not for this.
    NotAllowed,
    /// Trust material is missing or unusable.
    Trust,
    /// The log entry, or the time of signing, is not proven.
    Unproven,
    /// A service or the network failed: try again.
    Retry,
    /// A login is needed, or was refused.
    Login,
    /// What was looked at has faults.
    Findings,
}

impl Exit {
    /// Every one.
    const ALL: [Self; 14] = [
        Self::Failed,
        Self::Usage,
        Self::NoSignature,
        Self::NoArtifact,
        Self::NoMatchingSignature,
        Self::NoCertificate,
        Self::OtherSigner,
        Self::Unlisted,
        Self::NotAllowed,
        Self::Trust,
        Self::Unproven,
        Self::Retry,
        Self::Login,
        Self::Findings,
    ];

    /// What ends with this status, if anything does.
    pub(crate) fn of_status(status: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.status() == status)
    }

    /// The process's exit status.
    pub(crate) const fn status(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoSignature => 10,
            Self::NoArtifact => 11,
            Self::NoMatchingSignature => 12,
            Self::NoCertificate => 13,
            Self::OtherSigner => 20,
            Self::Unlisted => 21,
            Self::NotAllowed => 22,
            Self::Trust => 30,
            Self::Unproven => 31,
            Self::Retry => 40,
            Self::Login => 41,
            Self::Findings => 50,
        }
    }
}
