//! Adding an instance: its root is pinned by its SHA-256 before anything of it is read.

use std::fs;

use signhere_http::HttpClient;
use signhere_pki::digest::sha256;
use signhere_sign::tuf::fetch;
use signhere_verify::tuf::{Role as _, Root};
use url::Url;

use super::followed::{Followed, Updated, folder, is_name, no_home};
use crate::error::CliError;
use crate::exit::Exit;

/// The names of the first root in a repository, and the folders of a repository under an instance's URL.
const ROOTS: [&str; 4] = [
    "tuf/1.root.json",
    "tuf/root.json",
    "1.root.json",
    "root.json",
];

/// What is to be added.
#[derive(Debug)]
pub(crate) struct Addition<'a> {
    /// The instance's URL, or its TUF repository's.
    pub(crate) url: &'a Url,
    /// The SHA-256 of its first root, in hexadecimal.
    pub(crate) fingerprint: &'a str,
    /// What to call it; its host if not given.
    pub(crate) name: Option<&'a str>,
}

/// Fetches the root, compares it with the fingerprint, and follows the repository from there on.
///
/// # Errors
/// Exit 30 when no root there has the fingerprint; then nothing was kept.
pub(crate) async fn add(
    addition: &Addition<'_>,
    http: &HttpClient,
) -> Result<(Followed, Updated), CliError> {
    let fingerprint = read_fingerprint(addition.fingerprint)?;
    let name = match addition.name {
        Some(name) => name.to_owned(),
        None => name_of(addition.url),
    };
    if !is_name(&name) || matches!(name.as_str(), "local" | "public" | "staging" | "github") {
        return Err(
            CliError::usage(format!("an instance cannot be called {name}")).expected(
                "--name NAME of lower-case letters, digits, `-`, `.` and `_`, that is not taken",
            ),
        );
    }
    let folder = folder().ok_or_else(no_home)?;
    if let Some(known) = Followed::find(&name)? {
        if known.fingerprint() != hex::encode(fingerprint) {
            return Err(CliError::new(
                Exit::Failed,
                "SH-INSTANCE-NAME-TAKEN",
                format!("there is an instance {name} already, with another root"),
            )
            .expected(known.fingerprint())
            .found(hex::encode(fingerprint))
            .mend("give this one another name: --name NAME"));
        }
        let updated = known.update(http).await?;
        return Ok((known, updated));
    }
    let (url, root) = pinned_root(addition.url, fingerprint, http).await?;

    // Whole or not at all: it is made beside its place.
    let make = |error: std::io::Error| CliError::file("make", &folder, &error);
    fs::create_dir_all(&folder).map_err(make)?;
    let mut builder = tempfile::Builder::new();
    let making = builder.prefix(".new-").tempdir_in(&folder).map_err(make)?;
    let added = Followed::new(&name, url, root, making.path());
    let updated = added.update(http).await?;
    added.write_added(&hex::encode(fingerprint))?;
    let dir = folder.join(&name);
    fs::rename(making.path(), &dir).map_err(|error| CliError::file("make", &dir, &error))?;
    // It has moved: nothing is left to remove.
    let _ = making.keep();
    let found = Followed::find(&name)?;
    Ok((found.unwrap_or(added), updated))
}

/// The repository's URL and its first root, which has the fingerprint.
async fn pinned_root(
    base: &Url,
    fingerprint: [u8; 32],
    http: &HttpClient,
) -> Result<(Url, Vec<u8>), CliError> {
    let mut other = None;
    for path in ROOTS {
        let Some(root) = fetch(http, base, path, Root::MAX_BYTES).await? else {
            continue;
        };
        let found = sha256(&root);
        if found == fingerprint {
            let mut url = base.clone();
            if path.starts_with("tuf/") {
                url.set_path(&format!("{}/tuf", base.path().trim_end_matches('/')));
            }
            return Ok((url, root));
        }
        other.get_or_insert(found);
    }
    let error = CliError::new(
        Exit::Trust,
        "SH-INSTANCE-FINGERPRINT",
        "the instance's root is not the one that was pinned, and nothing of it is trusted",
    );
    let error = error.expected(hex::encode(fingerprint));
    Err(match other {
        Some(found) => error
            .found(hex::encode(found))
            .mend("ask who runs the instance for the SHA-256 of its root.json"),
        None => error
            .found("no root at this URL")
            .mend("look at the URL: it is the instance's, or its TUF repository's"),
    })
}

/// 64 hexadecimal digits, with or without `sha256:` and colons.
fn read_fingerprint(text: &str) -> Result<[u8; 32], CliError> {
    let plain = text
        .strip_prefix("sha256:")
        .unwrap_or(text)
        .replace(':', "");
    let bytes = hex::decode(plain).ok();
    let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| {
        CliError::usage("the fingerprint is not a SHA-256").expected("64 hexadecimal digits")
    })
}

/// The host, and the port if it is not the usual one.
fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    let host = host.trim_matches(['[', ']']).replace(':', "-");
    match url.port() {
        Some(port) => format!("{host}-{port}"),
        None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_whole() {
        let hex = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        for text in [hex.clone(), format!("sha256:{hex}"), colons] {
            assert_eq!(read_fingerprint(&text), Ok([0xab; 32]), "{text}");
        }
        for text in ["", "ab", &hex[1..], &format!("{hex}00"), "sha512:ab"] {
            assert_eq!(read_fingerprint(text).unwrap_err().exit(), Exit::Usage);
        }
    }

    #[test]
    fn an_instance_is_called_by_its_host() {
        for (url, name) in [
            ("https://Sign.Example.com/x", "sign.example.com"),
            ("http://127.0.0.1:3003", "127.0.0.1-3003"),
            ("http://[::1]:3003", "--1-3003"),
        ] {
            assert_eq!(name_of(&Url::parse(url).unwrap()), name);
        }
        assert!(is_name("127.0.0.1-3003"));
        for name in ["", "--1-3003", "..", "a/b", "A", ".new-1", &"a".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
