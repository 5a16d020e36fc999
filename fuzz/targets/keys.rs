//! Signatures of commits by keys without certificates, and the files that say whose keys those are.

use std::sync::OnceLock;

use signhere_git::armor::{Armor, SignatureKind};
use signhere_git::pgp::PgpKeys;
use signhere_git::ssh::{AllowedSigners, SshSignature};

/// A forge's keys, and a signature by one of them.
const FORGE: &str = include_str!("../../testdata/git-platform/key.asc");
const SIGNATURE: &[u8] = include_bytes!("../../testdata/git-platform/payload.asc");
const UNSIGNED: &[u8] = b"what nobody has signed";

pub(crate) const SSH_TOKENS: &[&str] = &[
    "-----BEGIN SSH SIGNATURE-----\n",
    "\n-----END SSH SIGNATURE-----\n",
    "U1NIU0lHAAAAAQ",
    "AAAAC3NzaC1lZDI1NTE5AAAAI",
    "AAAAB3NzaC1yc2E",
    "AAAAA2dpdA",
    "ssh-ed25519 ",
    "ssh-rsa ",
    "ecdsa-sha2-nistp256 ",
    "sk-ssh-ed25519@openssh.com ",
    "cert-authority ",
    "namespaces=\"git\" ",
    "valid-after=\"20260101Z\",",
    "valid-before=\"20270101\" ",
    "ada@example.test,!*@example.test ",
    "# ",
];

pub(crate) const PGP_TOKENS: &[&str] = &[
    "-----BEGIN PGP SIGNATURE-----\n\n",
    "\n-----END PGP SIGNATURE-----\n",
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n",
    "\n-----END PGP PUBLIC KEY BLOCK-----\n",
    "Version: 1\n",
    "=AAAA\n",
    "wsFcBAABCAAQBQJ",
    "xsBNBF",
];

/// Nothing verifies over what nobody has signed, and a line of allowed signers is of the names and the key in it.
pub(crate) fn ssh(input: &[u8]) {
    if let Ok(signature) = SshSignature::from_armor(input) {
        assert!(signature.verify(UNSIGNED).is_err());
    }
    let text = std::str::from_utf8(input).unwrap_or_default();
    let Ok(signers) = AllowedSigners::parse(text) else {
        return;
    };
    for signer in signers.entries() {
        assert!(signers.knows(signer.key()));
        assert!(!signer.principals().is_empty());
        assert!(
            signer
                .only_principal()
                .is_none_or(|name| signer.is_of(name))
        );
        let validity = signer.validity();
        assert!(
            validity.after.is_none()
                || validity.before.is_none()
                || validity.after < validity.before
        );
    }
}

/// Nothing verifies over what nobody has signed, by whatever keys; a signature that is read is classified as one.
pub(crate) fn pgp(input: &[u8]) {
    static KEYS: OnceLock<PgpKeys> = OnceLock::new();
    let keys =
        KEYS.get_or_init(|| PgpKeys::from_armor(FORGE).unwrap_or_else(|error| panic!("{error}")));
    assert!(keys.verify(UNSIGNED, input).is_err());
    if input.starts_with(b"-----BEGIN PGP SIGNATURE-----") {
        assert!(matches!(Armor::classify(input), SignatureKind::Pgp { .. }));
    }
    let text = std::str::from_utf8(input).unwrap_or_default();
    if let Ok(keys) = PgpKeys::from_armor(text) {
        assert!(keys.verify(UNSIGNED, SIGNATURE).is_err());
    }
}
