//! Beside the real ssh-keygen and git: what they sign is accepted, and what they refuse is refused.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failure here is a failed test; what is skipped is said"
)]

use std::process::Command;

use signhere_git::object::{Object, ObjectFormat, ObjectKind};
use signhere_git::ssh::{AllowedSigners, SshError, SshSignature};
use signhere_pki::time::Time;
use signhere_testkit::git::GitRepository;

/// Keys by ssh-keygen's names.
const KINDS: [(&str, &str); 6] = [
    ("ed25519", "256"),
    ("ecdsa", "256"),
    ("ecdsa", "384"),
    ("ecdsa", "521"),
    ("rsa", "2048"),
    ("rsa", "3072"),
];

fn has_ssh_keygen() -> bool {
    let is_here = Command::new("ssh-keygen").arg("-?").output().is_ok();
    if !is_here {
        println!("skipped: there is no ssh-keygen");
    }
    is_here
}

/// Makes a key in the file `name`, and returns the public one.
fn key(folder: &GitRepository, name: &str, (kind, bits): (&str, &str)) -> String {
    let path = folder.beside(name);
    let mut command = folder.command("ssh-keygen");
    command.args(["-q", "-t", kind, "-b", bits, "-N", "", "-C", "", "-f"]);
    assert!(command.arg(&path).status().unwrap().success());
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    public.trim_end().to_owned()
}

/// The signature over `payload` in `namespace` with a hash, by the key in the file `name`.
fn sign(
    folder: &GitRepository,
    name: &str,
    payload: &[u8],
    namespace: &str,
    hash: &str,
) -> Vec<u8> {
    let file = folder.beside("payload");
    std::fs::write(&file, payload).unwrap();
    let _ = std::fs::remove_file(folder.beside("payload.sig"));
    let mut command = folder.command("ssh-keygen");
    command.args([
        "-Y",
        "sign",
        "-q",
        "-n",
        namespace,
        "-O",
        &format!("hashalg={hash}"),
        "-f",
    ]);
    command.arg(folder.beside(name)).arg(&file);
    assert!(command.output().unwrap().status.success());
    std::fs::read(folder.beside("payload.sig")).unwrap()
}

#[test]
fn every_kind_of_key_and_hash_is_verified() {
    if !has_ssh_keygen() {
        return;
    }
    let folder = GitRepository::new();
    for (index, kind) in KINDS.into_iter().enumerate() {
        let name = format!("key{index}");
        let public = key(&folder, &name, kind);
        for hash in ["sha256", "sha512"] {
            let armor = sign(&folder, &name, b"payload", "git", hash);
            let signature = SshSignature::from_armor(&armor).unwrap();
            assert_eq!(signature.verify(b"payload"), Ok(()), "{kind:?} {hash}");
            assert_eq!(signature.verify(b"payloae"), Err(SshError::BadSignature));
            let signers = AllowedSigners::parse(&format!("ada@example.com {public}\n")).unwrap();
            let now = Time::from_unix(1_700_000_000);
            assert_eq!(
                signers.of(signature.key(), "git", now).count(),
                1,
                "{kind:?}"
            );
        }
        let armor = sign(&folder, &name, b"payload", "file", "sha512");
        let signature = SshSignature::from_armor(&armor).unwrap();
        let found = "file".to_owned();
        let error = SshError::Namespace {
            expected: "git",
            found,
        };
        assert_eq!(signature.verify(b"payload"), Err(error));
    }
}

#[test]
fn no_changed_byte_of_a_signature_is_accepted() {
    if !has_ssh_keygen() {
        return;
    }
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let folder = GitRepository::new();
    for (index, kind) in [KINDS[0], KINDS[1]].into_iter().enumerate() {
        let name = format!("key{index}");
        key(&folder, &name, kind);
        let armor = String::from_utf8(sign(&folder, &name, b"payload", "git", "sha256")).unwrap();
        let lines: Vec<&str> = armor
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        let blob = STANDARD.decode(lines.concat()).unwrap();
        let wrap = |blob: &[u8]| {
            let text = STANDARD.encode(blob);
            format!("-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n")
        };
        let verify = |blob: &[u8]| {
            SshSignature::from_armor(wrap(blob).as_bytes()).and_then(|s| s.verify(b"payload"))
        };
        assert_eq!(verify(&blob), Ok(()));
        for position in 0..blob.len() {
            let mut changed = blob.clone();
            changed[position] ^= 1;
            assert!(verify(&changed).is_err(), "{kind:?}: byte {position}");
        }
    }
}

#[test]
fn what_git_signs_is_accepted_and_what_ssh_keygen_refuses_is_refused() {
    if !has_ssh_keygen() {
        return;
    }
    for (folder, format) in [
        (GitRepository::new(), ObjectFormat::Sha1),
        (GitRepository::sha256(), ObjectFormat::Sha256),
    ] {
        let public = key(&folder, "ada", KINDS[0]);
        let other = key(&folder, "other", KINDS[1]);
        let signing = folder.beside("ada").display().to_string();
        folder.git(&["config", "gpg.format", "ssh"]);
        folder.git(&["config", "user.signingKey", &signing]);
        folder.git(&["commit", "-q", "--allow-empty", "-S", "-m", "signed"]);
        folder.git(&["tag", "-s", "v1", "-m", "signed"]);
        let object = |kind: ObjectKind, name: &str| {
            let output = folder.try_git(&["cat-file", kind.name(), name], &[], b"");
            Object::parse(kind, output.stdout).unwrap()
        };
        for object in [
            object(ObjectKind::Commit, "HEAD"),
            object(ObjectKind::Tag, "v1"),
        ] {
            let signature = SshSignature::from_armor(object.signature(format).unwrap()).unwrap();
            assert_eq!(signature.verify(&object.payload()), Ok(()));
            let mut changed = object.payload().into_owned();
            changed.push(b'\n');
            assert_eq!(signature.verify(&changed), Err(SshError::BadSignature));
        }

        // Commits are of November 14, 2023.
        let commit = object(ObjectKind::Commit, "HEAD");
        let armor = commit.signature(format).unwrap();
        let signature = SshSignature::from_armor(armor).unwrap();
        let made = Time::from_unix(1_700_000_000);
        let lines = [
            (format!("ada@example.com {public}"), true),
            (format!("* {public}"), true),
            (format!("ada@example.com namespaces=\"git\" {public}"), true),
            (
                format!("ada@example.com namespaces=\"g*,file\" {public}"),
                true,
            ),
            (
                format!("ada@example.com namespaces=\"file\" {public}"),
                false,
            ),
            (
                format!("ada@example.com namespaces=\"!git,*\" {public}"),
                false,
            ),
            (
                format!("ada@example.com valid-after=\"20231101Z\" {public}"),
                true,
            ),
            (
                format!("ada@example.com valid-after=\"20231201Z\" {public}"),
                false,
            ),
            (
                format!("ada@example.com valid-before=\"20231201Z\" {public}"),
                true,
            ),
            (
                format!("ada@example.com valid-before=\"20231101Z\" {public}"),
                false,
            ),
            (format!("ada@example.com {other}"), false),
            (format!("ada@example.com cert-authority {public}"), false),
        ];
        for (line, is_good) in lines {
            let file = folder.beside("allowed");
            std::fs::write(&file, format!("{line}\n")).unwrap();
            let signers = AllowedSigners::parse(&line).unwrap();
            let found = signers.of(signature.key(), "git", made);
            assert_eq!(found.count() > 0, is_good, "{line}");
            let path = file.display().to_string();
            folder.git(&["config", "gpg.ssh.allowedSignersFile", &path]);
            // Older ssh-keygens do not know the `Z` of times.
            let outcome = folder.try_git(&["verify-commit", "HEAD"], &[], b"");
            if !line.contains("valid-") {
                assert_eq!(outcome.status.success(), is_good, "{line}");
            }
        }
    }
}
